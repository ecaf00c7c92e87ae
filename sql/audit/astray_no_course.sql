select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id
    from {{enrollment_table}} as enrollment
    where
        {{among}}
        and {{enrollment_course:enrollment}} is not null
        and not exists (
            select
            from {{course_table}} as course
            where {{course_key:course}} = {{enrollment_course:enrollment}}
        )
