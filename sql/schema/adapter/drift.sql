-- The equation that holds in every snapshot: the count in a course's row, the course's notes in the feed, and parked
-- deltas add up to the active enrollments. The difference is drift, and stays the same in every later snapshot, however
-- busy the system, until repaired. Reads the tables as a whole.
create or replace function listener.drifted_counts()
returns table (id {{course_key_type}}, count_column text, current bigint, expected bigint, drift bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_nestloop = off as $$
#variable_conflict use_column
begin
    {{expect_enrollments}}
    {{expect_courses}}
    return query
    with {{active_per_course}}
    select
        {{course_key:course}}::{{course_key_type}},
        count_column.name,
        count_column.value::bigint,
        expected_count.value::bigint,
        (expected_count.value - coalesce(count_column.value, 0))::bigint
    from {{course_table}} as course
    left join active_per_course on active_per_course.course_id = {{course_key:course}}
    left join listener.count_on_its_way on count_on_its_way.course_id = {{course_key:course}}
    cross join lateral (
        select coalesce(active_per_course.active, 0) - coalesce(count_on_its_way.delta, 0) as value
    ) as expected_count
    cross join lateral (
        values
            {{count_column_values}}
    ) as count_column (name, value)
    where coalesce(count_column.value, 0) <> expected_count.value;
    {{expect_counted_columns}}
end;
$$;
