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
    {{expect_course_table}}
    perform from {{course_table}} as course
    where {{course_key:course}} = off_course_id
    for no key update;
    return found and listener.move_count(off_course_id, drift);
end;
$$;
