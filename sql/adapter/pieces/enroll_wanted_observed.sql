-- Only looks who would be.
        select student.id as profile_id, student.course_id
        from to_enroll as student
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
