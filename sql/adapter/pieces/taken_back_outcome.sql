
        union all
        select distinct returned.profile_id, returned.course_id, 'returned', null, null
        from returned
        union all
        select distinct left_course.profile_id, left_course.course_id, {{left_word}}, null, null
        from left_course
