returned as (
        update {{enrollment_table}} as enrollment
        set {{enrollment_status_name}} = {{active_value}}
        from to_enroll
        where
            to_enroll.is_there
            and {{enrollment_profile:enrollment}} = to_enroll.id
            and {{enrollment_course:enrollment}} = to_enroll.course_id
            and ({{enrollment_status:enrollment}})::text = {{inactive_value}}
        returning to_enroll.id as profile_id, to_enroll.course_id
    )
