with found as (
    select {{profile_key:profile}}::text as example
    from {{profile_table}} as profile
    where
        {{student_condition}}
        and not exists (
            select
            from {{enrollment_table}} as enrollment
            where {{enrollment_profile:enrollment}} = {{profile_key:profile}}
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
