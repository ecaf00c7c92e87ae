-- Every course's count as of this instant, counted: no counts are kept.
create or replace function listener.counted_courses()
returns table (id {{course_key_type}}, active_enrollments bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    {{expect_enrollments}}
    {{expect_courses}}
    return query
    select
        {{course_key:course}}::{{course_key_type}},
        count({{enrollment_course:enrollment}})
    from {{course_table}} as course
    left join {{enrollment_table}} as enrollment
        on {{enrollment_course:enrollment}} = {{course_key:course}} and ({{is_counted:enrollment}}) is true
    group by {{course_key:course}};
end;
$$;
