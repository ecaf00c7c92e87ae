-- Moves courses' counts in one statement; returns whose moved. The caller holds the courses' rows.
create or replace function listener.move_counts(moved_course_ids {{course_key_type}}[], deltas bigint[])
returns setof {{course_key_type}}
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    return query
    insert into listener.course_count as course_count (course_id, active_enrollments)
    select move.course_id, move.delta
    from unnest(move_counts.moved_course_ids, move_counts.deltas) as move(course_id, delta)
    on conflict (course_id) do update
    set active_enrollments = course_count.active_enrollments + excluded.active_enrollments
    returning course_count.course_id;
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
    return found and exists (select from listener.move_counts(array[off_course_id], array[drift]));
end;
$$;
