-- Only looks who would be.
        select student.id as profile_id, student.course_id
        from to_enroll as student
        inner join open_course on open_course.id = student.course_id
