-- Triggers only take notes. They run with their owner's rights, so that whoever signs up needs none here. In their
-- search_path pg_temp is named, and last: left out it would come first, and a temporary type of somebody's own, named
-- uuid or text, would have its checks run with the owner's rights.

create or replace function listener.note_inserted_students() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    students {{profile_key_type}}[] := array(
        select {{student_key:inserted}} from inserted where ({{is_student:inserted}}) is true
    );
begin
    if cardinality(students) = 0 then
        return null;
    end if;
    -- At most 100 to a note: a batch can be cut between notes, and a note stays within its page.
    if cardinality(students) <= 100 then
        insert into listener.change (source, operation, profile_ids)
        values ('profiles', 'insert', students);
    else
        insert into listener.change (source, operation, profile_ids)
        select 'profiles', 'insert', students[first : first + 99]
        from generate_series(1, cardinality(students), 100) as first;
    end if;
    {{ring}}
    return null;
end;
$$;

-- One row: an update, or an insert into a table that is partitioned (see the triggers).
create or replace function listener.note_student() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, profile_ids)
    values ('profiles', lower(tg_op), array[{{student_key:new}}]);
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_inserted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'insert', {{enrollment_course:inserted}}, count(*)
    from inserted
    where ({{is_counted:inserted}}) is true and {{enrollment_course:inserted}} is not null
    group by {{enrollment_course:inserted}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'delete', {{enrollment_course:deleted}}, -count(*)
    from deleted
    where ({{is_counted:deleted}}) is true and {{enrollment_course:deleted}} is not null
    group by {{enrollment_course:deleted}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- One row, whatever happened to it: what is not there, before or after, is null.
create or replace function listener.note_enrollment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', lower(tg_op), side.course_id, side.delta
    from (
        values
            ({{enrollment_course:old}}, -1, ({{is_counted:old}}) is true),
            ({{enrollment_course:new}}, 1, ({{is_counted:new}}) is true)
    ) as side (course_id, delta, active)
    where side.active and side.course_id is not null;
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- Before the rows are gone; TRUNCATE holds its exclusive lock by now, so nobody else changes them.
create or replace function listener.note_truncated_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'truncate', {{enrollment_course:enrollment}}, -count(*)
    from {{enrollment_table}} as enrollment
    where ({{is_counted:enrollment}}) is true and {{enrollment_course:enrollment}} is not null
    group by {{enrollment_course:enrollment}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- Enrolls those who have no enrollment yet, and returns them. With its owner's rights: the daemon's role needs none on
-- the LMS's tables, and the LMS's own triggers on enrollments run as if the owner had enrolled.
create or replace function listener.enroll(student_ids {{profile_key_type}}[], default_course_id {{course_key_type}})
returns setof {{profile_key_type}}
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    {{enroll}}
end;
$$;

-- One student, one savepoint: an error is an answer here, not the end of the batch. Past `give_up_at`
-- nothing is tried any more, so that a transaction stays short however many students have to wait for locks.
create or replace function listener.try_enroll(
    student_id {{profile_key_type}}, default_course_id {{course_key_type}}, give_up_at timestamptz,
    out enrolled boolean, out error text
)
language plpgsql as $$
begin
    enrolled := false;
    if clock_timestamp() > give_up_at then
        error := 'put off: others before it took too long';
        return;
    end if;
    perform listener.enroll(array[student_id], default_course_id);
    enrolled := found;
exception when others then
    enrolled := false;
    error := sqlstate || ': ' || sqlerrm;
end;
$$;

-- Moves one course's count, where the LMS's own triggers or checks may refuse: an error is an answer here, too.
create or replace function listener.try_move_count(moved_course_id {{course_key_type}}, delta bigint)
returns text
language plpgsql as $$
begin
    perform listener.move_count(moved_course_id, delta);
    return null;
exception when others then
    return sqlstate || ': ' || sqlerrm;
end;
$$;
