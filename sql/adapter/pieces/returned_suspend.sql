returned as (
        update {{enrollment_table}} as enrollment
        set {{enrollment_status_name}} = {{active_value}}
        from to_enroll
        where
            to_enroll.is_there
            and {{enrollment_profile:enrollment}} = to_enroll.id
            and {{enrollment_course:enrollment}} = to_enroll.course_id
            and {{row_key:enrollment}} is not distinct from (
                select made.row_key
                from listener.made_enrollment as made
                where made.profile_id = to_enroll.id and made.course_id = to_enroll.course_id
            )
            and ({{enrollment_status:enrollment}})::text = {{inactive_value}}{{is_alone}}
        returning to_enroll.id as profile_id, to_enroll.course_id
    )
