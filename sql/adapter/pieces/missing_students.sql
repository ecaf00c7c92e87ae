-- Students without any enrollment, if this installation enrolls; `since`: those whose row was written by that transaction, or by a later one. Reads
-- the tables as a whole, and sorts them: a hash join of what another one has put out by the same key, with more rows than
-- were expected and little memory, puts all of them into one batch, hundreds to a bucket.
create or replace function listener.missing_students(since xid8 default null)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_hashjoin = off
set enable_mergejoin = on
set enable_material = on
set enable_nestloop = off as $$
#variable_conflict use_column
declare
    oldest bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint - since::text::bigint + 1;
begin
    if not {{enrolls}} then
        return;
    end if;
    if since is null then
        return query
        with enrolled as (
            select {{enrollment_profile:enrollment}} as profile_id
            from {{enrollment_table}} as enrollment
        )
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        where not exists (select from enrolled where enrolled.profile_id = student.id);
    else
        return query
        with enrolled as (
            select {{enrollment_profile:enrollment}} as profile_id
            from {{enrollment_table}} as enrollment
        ),
        written as (
            select {{student_key:written}} as profile_id
            from {{student_table}} as written
            where age(written.xmin) <= oldest
        )
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        where
            not exists (select from enrolled where enrolled.profile_id = student.id)
            and exists (select from written where written.profile_id = student.id);
    end if;
    {{expect_student_columns}}
    {{expect_enrollment_columns}}
end;
$$;
