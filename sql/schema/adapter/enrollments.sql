-- Every enrollment, of any status.
create or replace function listener.enrollments()
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, status text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    {{expect_enrollments}}
    return query
    select
        {{enrollment_profile:enrollment}}::{{profile_key_type}},
        {{enrollment_course:enrollment}}::{{course_key_type}},
        {{enrollment_status:enrollment}}::text
    from {{enrollment_table}} as enrollment;
end;
$$;
