select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id
    from {{enrollment_table}} as enrollment
    where
        {{among}}
        and {{enrollment_profile:enrollment}} is not null
        and not exists (
            select
            from {{profile_table}} as profile
            where {{profile_key:profile}} = {{enrollment_profile:enrollment}}
        )
