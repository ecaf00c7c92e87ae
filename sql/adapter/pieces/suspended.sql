select {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
                from {{enrollment_table}} as enrollment
                where ({{enrollment_status:enrollment}})::text = {{inactive_value}}
