-- Triggers only take notes. They run with their owner's rights, so that whoever signs up needs none here.

create or replace function listener.note_inserted_students() returns trigger
language plpgsql security definer set search_path = '' as $$
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

create or replace function listener.note_updated_student() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into listener.change (source, operation, profile_ids)
    values ('profiles', 'update', array[{{student_key:new}}]);
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_inserted_enrollments() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'insert', {{enrollment_course:inserted}}, count(*)
    from inserted
    where ({{is_active:inserted}}) is true and {{enrollment_course:inserted}} is not null
    group by {{enrollment_course:inserted}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_enrollments() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'delete', {{enrollment_course:deleted}}, -count(*)
    from deleted
    where ({{is_active:deleted}}) is true and {{enrollment_course:deleted}} is not null
    group by {{enrollment_course:deleted}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_updated_enrollment() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'update', side.course_id, side.delta
    from (
        values
            ({{enrollment_course:old}}, -1, ({{is_active:old}}) is true),
            ({{enrollment_course:new}}, 1, ({{is_active:new}}) is true)
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
language plpgsql security definer set search_path = '' as $$
begin
    insert into listener.change (source, operation, course_id, delta)
    select 'enrollments', 'truncate', {{enrollment_course:enrollment}}, -count(*)
    from {{enrollment_table}} as enrollment
    where ({{is_active:enrollment}}) is true and {{enrollment_course:enrollment}} is not null
    group by {{enrollment_course:enrollment}};
    if not found then
        return null;
    end if;
    {{ring}}
    return null;
end;
$$;

-- A course row brings its count along, and takes it away: the opposite delta keeps the sum of rows and feed
-- equal to the number of active enrollments. The note without a delta wakes students who wait for a course.
create or replace function listener.note_inserted_courses() returns trigger
language plpgsql security definer set search_path = '' as $$
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
language plpgsql security definer set search_path = '' as $$
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
language plpgsql security definer set search_path = '' as $$
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
language plpgsql security definer set search_path = '' as $$
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
    insert into listener.enrollment (profile_id, course_id)
    values (student_id, default_course_id)
    on conflict do nothing;
    enrolled := found;
exception when others then
    enrolled := false;
    error := sqlstate || ': ' || sqlerrm;
end;
$$;

-- Moves one course's count, wherever this LMS keeps it. The caller holds the row's lock. The LMS's own triggers
-- on the row run in here, and find their tables where they expect them.
create or replace function listener.move_count(moved_course_id {{course_key_type}}, delta bigint)
returns boolean
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    {{move_count}}
    return found;
end;
$$;

-- The same, where the LMS's own triggers or checks may refuse.
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
    execute format(
        'update {{course_table}} as course set %1$I = coalesce(course.%1$I, 0) + $1 where {{course_key:course}} = $2',
        repair_count.count_column
    ) using repair_count.drift, repair_count.off_course_id;
    return true;
end;
$$;
