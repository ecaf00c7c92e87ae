-- The sessions that hold the rows of the courses that these profiles want, or, if no profile is named, of the courses whose
-- counts wait: the course and the session's pid. A row names the transaction that has locked the row, or a number that
-- stands for several. No row where that cannot be told, as of a view. (The session's activity the reader looks up with
-- rights of its own.)
create or replace function listener.course_holders(among text[])
returns table (course_id text, pid integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    held record;
begin
    {{expect_courses}}
    for held in
        select {{course_key:course}}::text as id, course.xmax as locker
        from {{course_table}} as course
        where
            {{course_key:course}} in (
                select wanted.course_id
                from listener.wanted(course_holders.among::{{profile_key_type}}[]) as wanted
                where course_holders.among <> '{}'
                union all
                select pending_count.course_id
                from listener.pending_count
                where pending_count.error is null and course_holders.among = '{}'
            )
            and course.xmax <> '0'::xid
        limit 20
    loop
        return query
        select held.id, pg_locks.pid
        from pg_catalog.pg_locks
        where
            pg_locks.locktype = 'transactionid'
            and pg_locks.transactionid = held.locker
            and pg_locks.granted
            and pg_locks.pid <> pg_backend_pid();
        if not found then
            begin
                return query
                select distinct held.id, pg_locks.pid
                from pg_get_multixact_members(held.locker) as locker
                inner join pg_catalog.pg_locks
                    on pg_locks.locktype = 'transactionid' and pg_locks.transactionid = locker.xid
                where pg_locks.granted and pg_locks.pid <> pg_backend_pid();
            exception when assert_failure or others then
                null; -- stands for no several transactions
            end;
        end if;
    end loop;
exception when assert_failure or others then
    return;
end;
$$;
