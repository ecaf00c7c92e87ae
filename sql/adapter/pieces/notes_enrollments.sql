{{note_inserted_enrollments}}

{{note_deleted_enrollments}}

-- One row, whatever happened to it: what is not there, before or after, is null.
create or replace function listener.note_enrollment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    left_course_id {{course_key_type}};
    joined_course_id {{course_key_type}};
begin
    begin
        if ({{is_counted:old}}) is true then
            left_course_id := {{enrollment_course:old}};
        end if;
        if ({{is_counted:new}}) is true then
            joined_course_id := {{enrollment_course:new}};
        end if;
    exception when others then
        perform listener.note_blindly('enrollments', lower(tg_op), sqlstate);
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

-- Before the rows are gone; TRUNCATE holds its exclusive lock by now, so nobody else changes them. The table is the one
-- that the trigger is on, whatever it is called now.
create or replace function listener.note_truncated_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        execute
            $counted$
            select array_agg(counted.course_id), array_agg(-counted.enrollments)
            from (
                select {{enrollment_course:enrollment}} as course_id, count(*) as enrollments
                from $counted$ || tg_relid::regclass || $counted$ as enrollment
                where ({{is_counted:enrollment}}) is true and {{enrollment_course:enrollment}} is not null
                group by {{enrollment_course:enrollment}}
            ) as counted
            $counted$
        into course_ids, deltas;
    exception when others then
        perform listener.note_blindly('enrollments', 'truncate', sqlstate);
        return null;
    end;
    {{note_deltas_of_enrollments}}
end;
$$;

{{is_news_of_enrollment}}

-- Whether an update moves a count, by the columns that were changed.
create or replace function listener.is_news_of_changed_enrollment(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (({{is_counted:new_row}}) is true) is distinct from (({{is_counted:old_row}}) is true)
        or {{enrollment_course:new_row}} is distinct from {{enrollment_course:old_row}};
end;
$$;
