returned as (
        update {{enrollment_table}} as enrollment
        set {{enrollment_status_name}} = {{active_value}}
        from standing
        where
            standing.taken_back
            and standing.active is false
            and {{enrollment_profile:enrollment}} = standing.profile_id
            and {{enrollment_course:enrollment}} = standing.course_id
            and ({{enrollment_status:enrollment}})::text = {{inactive_value}}
        returning standing.profile_id, standing.course_id
    )
