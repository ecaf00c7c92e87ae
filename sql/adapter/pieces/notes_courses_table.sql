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
declare
    course_ids {{course_key_type}}[];
begin{{ledger_follows_deleted_courses}}
    begin
        course_ids := array(select {{course_key:deleted}} from deleted);
    exception when others then
        perform listener.note_blindly('courses', 'delete', sqlstate);
        return null;
    end;
    with lost as (
        delete from listener.course_count
        where course_count.course_id = any (course_ids)
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
begin{{ledger_follows_truncated_courses}}
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
declare
    left_course_id {{course_key_type}};
begin{{ledger_follows_updated_courses}}
    begin
        if {{course_key:new}} is distinct from {{course_key:old}} then
            left_course_id := {{course_key:old}};
        end if;
    exception when others then
        perform listener.note_blindly('courses', 'update', sqlstate);
    end;
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
