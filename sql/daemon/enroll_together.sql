insert into listener.enrollment (profile_id, course_id)
    select student_to_enroll.id, open_course.id
    from student_to_enroll
    cross join open_course
    on conflict do nothing
    returning profile_id, true as enrolled, null::text as error
