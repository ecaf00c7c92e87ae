-- Fails if enrollments cannot be read as the other functions read enrollments. Reads a single row.
create or replace function listener.probe_enrollments() returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    {{expect_enrollments}}
    perform
        {{enrollment_profile:enrollment}}::{{profile_key_type}},
        {{enrollment_course:enrollment}}::{{course_key_type}},
        {{enrollment_status:enrollment}}::text,
        ({{is_counted:enrollment}}) is true
    from {{enrollment_table}} as enrollment
    limit 1;
end;
$$;
