update {{enrollment_table}} as enrollment
        set {{enrollment_status_name}} = {{inactive_value}}
        from unwanted
        where
            {{enrollment_profile:enrollment}} = unwanted.profile_id
            and {{enrollment_course:enrollment}} = unwanted.course_id
            and {{row_key:enrollment}} is not distinct from unwanted.row_key
            and ({{is_active:enrollment}}) is true{{is_alone}}
        returning unwanted.profile_id, unwanted.course_id
