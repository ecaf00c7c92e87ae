-- A course row brings its count along, and takes it away: the opposite delta keeps the sum of rows and feed
-- equal to the number of active enrollments. The note without a delta wakes students who wait for a course.
create or replace function listener.note_inserted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'insert', {{course_key:inserted}}, -{{course_count:inserted}}
    from inserted
    where {{course_count:inserted}} <> 0;
    insert into listener.change (source, operation) values ('courses', 'insert');
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'delete', {{course_key:deleted}}, {{course_count:deleted}}
    from deleted
    where {{course_count:deleted}} <> 0;
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_truncated_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'truncate', {{course_key:course}}, {{course_count:course}}
    from {{course_table}} as course
    where {{course_count:course}} <> 0;
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- A course became available, or its key changed and its count moved along with it.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if {{course_key:new}} is distinct from {{course_key:old}} then
        insert into listener.change (source, operation, course_id, delta)
        select 'courses', 'update', moved.course_id, moved.delta
        from (
            values
                ({{course_key:old}}, {{course_count:old}}),
                ({{course_key:new}}, -{{course_count:new}})
        ) as moved (course_id, delta)
        where moved.delta <> 0;
    end if;
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;

-- Moves one course's count, wherever this LMS keeps it. The caller holds the row's lock. The LMS's own triggers
-- on the row run in here, and find their tables where they expect them.
create or replace function listener.move_count(moved_course_id {{course_key_type}}, delta bigint)
returns boolean
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    update {{course_table}} as course
    set
        {{count_moves}}
    where {{course_key:course}} = move_count.moved_course_id;
    return found;
end;
$$;

-- Adds what a count is off by; what was added meanwhile stays.
create or replace function listener.repair_count(
    off_course_id {{course_key_type}}, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    if repair_count.count_column not in ({{count_column_names}}) then
        raise exception 'there is no count column %', repair_count.count_column;
    end if;
    execute pg_catalog.format(
        'update {{course_table}} as course set %1$I = coalesce(course.%1$I, 0) + $1 where {{course_key:course}} = $2',
        repair_count.count_column
    ) using repair_count.drift, repair_count.off_course_id;
    return true;
end;
$$;
