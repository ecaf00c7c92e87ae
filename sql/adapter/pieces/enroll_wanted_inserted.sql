insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, student.course_id{{enrollment_values:profile}}
        from to_enroll as student{{enrolling_join}}
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        returning
            {{enrollment_profile:new_enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:new_enrollment}}::{{course_key_type}} as course_id,
            {{row_key:new_enrollment}} as row_key
