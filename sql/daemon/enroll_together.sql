select
        enrolled.profile_id,
        true as enrolled,
        null::text as error
    from open_course
    cross join lateral listener.enroll(
        array(select student_to_enroll.id from student_to_enroll), open_course.id
    ) as enrolled(profile_id)
