-- Of enrollments of one profile in one course, one stays: an active one rather than not, the oldest if that is known.
    select ranked.table_oid, ranked.row_id
    from (
        select
            enrollment.tableoid as table_oid,
            enrollment.ctid as row_id,
            row_number() over (
                partition by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
                order by ({{is_active:enrollment}}) is true desc, {{enrollment_date:enrollment}} nulls last, enrollment.ctid
            ) as place
        from {{enrollment_table}} as enrollment
        where
            {{among_profiles}}
            and {{enrollment_profile:enrollment}} is not null
            and {{enrollment_course:enrollment}} is not null
    ) as ranked
    where ranked.place > 1
