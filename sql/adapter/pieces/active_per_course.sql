active_per_course as (
        select
            {{enrollment_course:enrollment}} as course_id,
            count(*) as active
        from {{enrollment_table}} as enrollment
        where ({{is_counted:enrollment}}) is true
        group by {{enrollment_course:enrollment}}
    )
