(
            select
                null::{{profile_key_type}} as profile_id,
                null::{{course_key_type}} as course_id,
                null::text as row_key,
                null::timestamptz as taken_back_at
            where false
        )
