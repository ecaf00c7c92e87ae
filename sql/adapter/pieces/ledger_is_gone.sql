not exists (
                select from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = made.profile_id
                    and {{enrollment_course:enrollment}} = made.course_id
            )
