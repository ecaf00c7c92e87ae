-- Every course, with the count of active enrollments in its row (or in listener.course_count).
create or replace function listener.courses()
returns table (id {{course_key_type}}, available boolean, active_enrollments bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    {{expect_courses}}
    return query
    select
        {{course_key:course}}::{{course_key_type}},
        ({{is_available:course}}) is true,
        ({{course_count:course}})::bigint
    from {{course_table}} as course;
end;
$$;
