-- Whoever has no enrollment, of any status.
    {{asking}} as {{materialized}} (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
        where (
            select true
            from {{enrollment_table}} as enrollment
            where
                {{enrollment_profile:enrollment}} = wanted.profile_id
                and {{enrollment_course:enrollment}} = wanted.course_id
            limit 1
        ) is null
    )
