-- Counts that are kept here, because the LMS has no column for them (or may not be written). A course's row here comes
-- with its first count, and goes with the course: the opposite delta keeps the sum of rows and feed equal to the number
-- of enrollments that count.
create or replace function listener.note_inserted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation) values ('courses', 'insert');
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    with lost as (
        delete from listener.course_count
        using deleted
        where course_count.course_id = {{course_key:deleted}}
        returning course_count.course_id, course_count.active_enrollments
    )
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'delete', lost.course_id, lost.active_enrollments
    from lost
    where lost.active_enrollments <> 0;
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
    with lost as (
        delete from listener.course_count
        returning course_count.course_id, course_count.active_enrollments
    )
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'truncate', lost.course_id, lost.active_enrollments
    from lost
    where lost.active_enrollments <> 0;
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- A course became available, or its key changed: then its count begins anew, and its enrollments' notes fill it.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if {{course_key:new}} is distinct from {{course_key:old}} then
        with lost as (
            delete from listener.course_count
            where course_count.course_id = {{course_key:old}}
            returning course_count.course_id, course_count.active_enrollments
        )
        insert into listener.change (source, operation, course_id, delta)
        select 'courses', 'update', lost.course_id, lost.active_enrollments
        from lost
        where lost.active_enrollments <> 0;
    end if;
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;

-- Moves one course's count. The caller holds the course's row.
create or replace function listener.move_count(moved_course_id {{course_key_type}}, delta bigint)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.course_count as course_count (course_id, active_enrollments)
    values (moved_course_id, delta)
    on conflict (course_id) do update
    set active_enrollments = course_count.active_enrollments + excluded.active_enrollments;
    return true;
end;
$$;

-- Adds what a count is off by; what was added meanwhile stays. The course is locked as a move would lock it.
create or replace function listener.repair_count(
    off_course_id {{course_key_type}}, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform from {{course_table}} as course
    where {{course_key:course}} = off_course_id
    for no key update;
    return found and listener.move_count(off_course_id, drift);
end;
$$;
