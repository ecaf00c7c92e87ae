insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, student.course_id{{enrollment_values:profile}}
        from to_enroll as student
        inner join open_course on open_course.id = student.course_id{{enrolling_join}}
        returning
            {{enrollment_profile:new_enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:new_enrollment}}::{{course_key_type}} as course_id
