select
        student_to_enroll.id as profile_id,
        attempt.enrolled,
        attempt.error
    from student_to_enroll
    cross join open_course
    cross join lateral listener.try_enroll(
        student_to_enroll.id, open_course.id, statement_timestamp() + interval '1 second'
    ) as attempt
