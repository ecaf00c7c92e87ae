with wanted as materialized (
        select distinct
            wanted.profile_id::{{profile_key_type}} as profile_id,
            wanted.course_id::{{course_key_type}} as course_id
        from (
            {{wanted_query}}
        ) as wanted(profile_id, course_id)
        where wanted.profile_id is not null and wanted.course_id is not null
    ),

    standing as materialized (
        select
            {{enrollment_profile:enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:enrollment}}::{{course_key_type}} as course_id,
            ({{is_active:enrollment}}) is true as active,
            ({{enrollment_status:enrollment}})::text = {{inactive_value}} as suspended,
            {{row_key:enrollment}} as row_key,
            {{is_single:enrollment}} as is_single
        from {{enrollment_table}} as enrollment
    ){{astray_ledger}}
