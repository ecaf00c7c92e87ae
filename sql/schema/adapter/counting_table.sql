-- Moves courses' counts in one statement; returns the moved courses. The courses' rows are locked in key order, as
-- every session should; a locked row is passed over.
create or replace function listener.move_counts(moved_course_ids {{course_key_type}}[], deltas bigint[])
returns setof {{course_key_type}}
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with as_bound as materialized (
        select
            {{course_as_bound}} as holds
    ),
    free_course as materialized (
        select {{course_key:course}} as id, move.delta
        from unnest(move_counts.moved_course_ids, move_counts.deltas) as move(course_id, delta)
        inner join {{course_table}} as course on {{course_key:course}} = move.course_id
        order by {{course_key:course}}
        for no key update of course skip locked
    )
    insert into listener.course_count as course_count (course_id, active_enrollments)
    select free_course.id, free_course.delta
    from free_course
    where (select as_bound.holds from as_bound)
    on conflict (course_id) do update
    set active_enrollments = course_count.active_enrollments + excluded.active_enrollments
    returning course_count.course_id;
end;
$$;

-- A count that was passed over is moved when it is due: somebody holds the course's row, or there is none.
create or replace function listener.move_again(
    course_id {{course_key_type}}, delta bigint, out moved boolean, out error text
)
language sql immutable set search_path = pg_catalog, pg_temp as 'select false, null::text';

-- Adds the drift to a count; changes made meanwhile stay. The course is locked as by a move.
create or replace function listener.repair_count(
    off_course_id {{course_key_type}}, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    {{expect_courses}}
    perform from {{course_table}} as course
    where {{course_key:course}} = off_course_id
    for no key update;
    return found and exists (select from listener.move_counts(array[off_course_id], array[drift]));
end;
$$;
