-- Moves courses' counts, wherever this LMS keeps them, in one statement; returns whose moved. The caller holds the rows'
-- locks. The LMS's own triggers on the rows run in here, and find their tables where they expect them.
create or replace function listener.move_counts(moved_course_ids {{course_key_type}}[], deltas bigint[])
returns setof {{course_key_type}}
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    {{expect_course_table}}
    return query
    update {{course_table}} as course
    set
        {{count_moves}}
    from unnest(move_counts.moved_course_ids, move_counts.deltas) as move(course_id, delta)
    where {{course_key:course}} = move.course_id
    returning {{course_key:course}}::{{course_key_type}};
    {{expect_count_columns}}
end;
$$;

-- Adds what a count is off by; what was added meanwhile stays.
create or replace function listener.repair_count(
    off_course_id {{course_key_type}}, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    {{expect_count_columns}}
    {{count_repairs}}
    raise exception 'there is no count column %', repair_count.count_column;
end;
$$;
