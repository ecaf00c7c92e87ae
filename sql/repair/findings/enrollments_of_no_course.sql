with found as (
    select {{enrollment_course:enrollment}}::text as example
    from {{enrollment_table}} as enrollment
    where
        {{enrollment_course:enrollment}} is not null
        and not exists (
            select
            from {{course_table}} as course
            where {{course_key:course}} = {{enrollment_course:enrollment}}
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
