-- Enrollments that a statement wrote or took away, counted for each course. A TRUNCATE is noted before the rows are
-- gone, under its exclusive lock, so no other session changes the rows. The table is the trigger's table, under any
-- name.
create or replace function listener.note_written_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    sign constant bigint := case tg_op when 'INSERT' then 1 else -1 end;
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        {{able}}
        if tg_op = 'TRUNCATE' then
            perform listener.expect(tg_relid::regclass::text, tg_relid, {{enrollments_owner}});
            execute
                $counted$
                select array_agg(counted.course_id), array_agg(-counted.enrollments)
                from (
                    select {{enrollment_course:written}} as course_id, count(*) as enrollments
                    from $counted$ || tg_relid::regclass || $counted$ as written
                    where ({{is_counted:written}}) is true and {{enrollment_course:written}} is not null
                    group by {{enrollment_course:written}}
                ) as counted
                $counted$
            into course_ids, deltas;
        else
            select array_agg(counted.course_id), array_agg(sign * counted.enrollments)
            into course_ids, deltas
            from (
                select {{enrollment_course:written}} as course_id, count(*) as enrollments
                from written
                where ({{is_counted:written}}) is true and {{enrollment_course:written}} is not null
                group by {{enrollment_course:written}}
            ) as counted;
        end if;
    exception when assert_failure or others then
        {{blindly_enrollments}}
        return null;
    end;
    if course_ids is null then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', lower(tg_op), noted.course_id, noted.delta
    from unnest(course_ids, deltas) as noted(course_id, delta);
    {{ring}}
    return null;
end;
$$;

-- A single row, after any change: a missing row, before or after, is null.
create or replace function listener.note_enrollment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    left_course_id {{course_key_type}};
    joined_course_id {{course_key_type}};
begin
    begin
        if tg_op = 'UPDATE' and {{untouched_enrollment}} then
            return null;
        end if;
        {{able}}
        if ({{is_counted:old}}) is true then
            left_course_id := {{enrollment_course:old}};
        end if;
        if ({{is_counted:new}}) is true then
            joined_course_id := {{enrollment_course:new}};
        end if;
    exception when assert_failure or others then
        {{blindly_enrollments}}
        return null;
    end;
    if left_course_id is not distinct from joined_course_id then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', lower(tg_op), side.course_id, side.delta
    from (values (left_course_id, -1), (joined_course_id, 1)) as side (course_id, delta)
    where side.course_id is not null;
    {{ring}}
    return null;
end;
$$;
