-- The next students in key order, after one of them. Planned for each page, and by key whatever is known of the table: a
-- plan that reads and sorts all of them would do so for every page.
create or replace function listener.student_page(after_id {{profile_key_type}}, at_most bigint)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_mergejoin = off
set enable_sort = off as $$
#variable_conflict use_column
begin
    if after_id is null then
        return query
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        order by student.id
        limit at_most;
    else
        return query
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        where student.id > after_id
        order by student.id
        limit at_most;
    end if;
    {{expect_student_columns}}
end;
$$;
