-- Moves one course's count, wherever this LMS keeps it. The caller holds the row's lock. The LMS's own triggers
-- on the row run in here, and find their tables where they expect them.
create or replace function listener.move_count(moved_course_id {{course_key_type}}, delta bigint)
returns boolean
language plpgsql security definer set search_path = {{lms_search_path}} as $$
declare
    is_done boolean;
begin
    {{expect_course_table}}
    update {{course_table}} as course
    set
        {{count_moves}}
    where {{course_key:course}} = move_count.moved_course_id;
    is_done := found;
    {{expect_count_columns}}
    return is_done;
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
