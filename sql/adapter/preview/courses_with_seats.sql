-- With the seats that nobody has yet; null where there is no limit.
    select
        {{course_key:course}}::{{course_key_type}} as id,
        ({{course_seats:course}})::bigint - coalesce(taken.seats, 0) as free
    from {{course_table}} as course
    left join (
        select
            {{enrollment_course:enrollment}} as course_id,
            count(*) as seats
        from {{enrollment_table}} as enrollment
        where ({{is_counted:enrollment}}) is true
        group by {{enrollment_course:enrollment}}
    ) as taken on taken.course_id = {{course_key:course}}
