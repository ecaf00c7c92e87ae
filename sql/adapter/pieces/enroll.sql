-- Enrolls those who have no enrollment yet, and returns them. With its owner's rights: the daemon's role needs none on
-- the LMS's tables, and the LMS's own triggers on enrollments run as if the owner had enrolled.
create or replace function listener.enroll(student_ids {{profile_key_type}}[], default_course_id {{course_key_type}})
returns setof {{profile_key_type}}
language plpgsql security definer set search_path = {{lms_search_path}} as $$
begin
    {{expect_enrollment_table}}
    {{enroll}}
    {{expect_enrollment_columns}}
end;
$$;
