select {{profile_key:profile}} as id
            from {{profile_table}} as profile
            where {{student_condition}}
