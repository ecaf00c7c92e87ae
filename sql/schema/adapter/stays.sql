-- True; or an error, if an enrollment that was just made is not there: a student who is not in the course is to wait,
-- with the error as the reason, and not to be enrolled and thrown out again with each note.
create or replace function listener.stays(
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text
)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    if done in ('enrolled', 'returned') then
        {{expect_enrollments}}
        if not exists (
            select
            from {{enrollment_table}} as enrollment
            where {{enrollment_profile:enrollment}} = profile_id and {{enrollment_course:enrollment}} = course_id
        ) then
            raise exception 'a trigger of the LMS''s took the enrollment away again: of % in %', profile_id, course_id;
        end if;
    end if;
    return true;
end;
$$;
