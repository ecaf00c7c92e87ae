create or replace function listener.note_inserted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        select array_agg(counted.course_id), array_agg(counted.enrollments)
        into course_ids, deltas
        from (
            select {{enrollment_course:inserted}} as course_id, count(*) as enrollments
            from inserted
            where ({{is_counted:inserted}}) is true and {{enrollment_course:inserted}} is not null
            group by {{enrollment_course:inserted}}
        ) as counted;
    exception when others then
        perform listener.note_blindly('enrollments', 'insert', sqlstate);
        return null;
    end;
    if course_ids is null then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'insert', counted.course_id, counted.delta
    from unnest(course_ids, deltas) as counted(course_id, delta);
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        select array_agg(counted.course_id), array_agg(-counted.enrollments)
        into course_ids, deltas
        from (
            select {{enrollment_course:deleted}} as course_id, count(*) as enrollments
            from deleted
            where ({{is_counted:deleted}}) is true and {{enrollment_course:deleted}} is not null
            group by {{enrollment_course:deleted}}
        ) as counted;
    exception when others then
        perform listener.note_blindly('enrollments', 'delete', sqlstate);
        return null;
    end;
    if course_ids is null then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'delete', counted.course_id, counted.delta
    from unnest(course_ids, deltas) as counted(course_id, delta);
    {{ring}}
    return null;
end;
$$;

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
    if course_ids is null then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'truncate', counted.course_id, counted.delta
    from unnest(course_ids, deltas) as counted(course_id, delta);
    {{ring}}
    return null;
end;
$$;

-- Whether an update moves a count. It runs with the rights and the search path of whoever updates, and fails for
-- nobody: what it cannot read is news. Most updates leave the columns concerned as they were, byte for byte; to find
-- that needs no operator, which the search path could make somebody else's.
create or replace function listener.is_news_of_enrollment(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable as $$
begin
    if pg_catalog.record_image_eq(row({{counted_columns:new_row}}), row({{counted_columns:old_row}})) then
        return false;
    end if;
    return listener.is_news_of_changed_enrollment(old_row, new_row);
exception when others then
    return true;
end;
$$;

create or replace function listener.is_news_of_changed_enrollment(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (({{is_counted:new_row}}) is true) is distinct from (({{is_counted:old_row}}) is true)
        or {{enrollment_course:new_row}} is distinct from {{enrollment_course:old_row}};
end;
$$;
