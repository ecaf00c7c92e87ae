-- Counts kept here, because the LMS has no column for counts (or the column may not be written). A course's row here
-- comes with the first count, and goes with the course: the opposite delta keeps the sum of rows and feed equal to the
-- number of enrollments that count. The note of a new course wakes students who wait for a course.
create or replace function listener.note_written_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
begin
    {{ledger_of_written_courses}}
    begin
        {{able}}
        if not has_table_privilege('listener.course_count'::regclass::oid, 'delete') then
            raise insufficient_privilege;
        end if;
        if tg_op = 'DELETE' then
            course_ids := array(select {{course_key:written}} from written);
        end if;
    exception when assert_failure or others then
        {{blindly_courses}}
        return null;
    end;
    if tg_op = 'INSERT' then
        insert into listener.change (source, operation) values ('courses', 'insert');
    else
        if tg_op = 'TRUNCATE' then
            course_ids := array(select course_count.course_id from listener.course_count);
        end if;
        with lost as (
            delete from listener.course_count
            where course_count.course_id = any (course_ids)
            returning course_count.course_id, course_count.active_enrollments
        )
        insert into listener.change (source, operation, course_id, delta)
        select 'courses', lower(tg_op), lost.course_id, lost.active_enrollments
        from lost
        where lost.active_enrollments <> 0;
        if not found then
            return null;
        end if;
    end if;
    {{ring}}
    return null;
end;
$$;

-- An update is news if a course became available, or has other seats, or has another key: then the count begins from
-- nothing, and notes of the enrollments fill the count.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    left_course_id {{course_key_type}};
    is_able boolean := false;
begin
    begin
        {{able}}
        if not has_table_privilege('listener.course_count'::regclass::oid, 'delete') then
            raise insufficient_privilege;
        end if;
        is_able := true;
        if {{course_key:new}} is distinct from {{course_key:old}} then
            left_course_id := {{course_key:old}};
        elsif {{untouched_course}} or not (
            (({{is_default_course:new}}) is true and ({{is_default_course:old}}) is not true)
            {{or_other_school}}
            or ({{course_seats:new}}) is distinct from ({{course_seats:old}})
        ) then
            return null;
        end if;
    exception when assert_failure or others then
        {{blindly_courses}}
    end;
    {{follows_updated_course}}
    if not is_able then
        return null;
    end if;
    with lost as (
        delete from listener.course_count
        where course_count.course_id = left_course_id
        returning course_count.course_id, course_count.active_enrollments
    )
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'update', lost.course_id, lost.active_enrollments
    from lost
    where lost.active_enrollments <> 0;
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;
