-- Enrollments whose profile, or course, is not there.
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id
    from {{enrollment_table}} as enrollment
    where
        {{among}}
        and {{reference:enrollment}} is not null
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{reference:enrollment}}
        )
