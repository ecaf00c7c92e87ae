(
            select
                made.profile_id::text::{{profile_key_type}} as profile_id,
                made.course_id::text::{{course_key_type}} as course_id,
                made.row_key,
                made.taken_back_at
            from listener.made_enrollment as made
        )
