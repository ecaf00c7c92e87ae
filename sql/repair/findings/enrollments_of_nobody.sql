with found as (
    select {{enrollment_profile:enrollment}}::text as example
    from {{enrollment_table}} as enrollment
    where
        {{enrollment_profile:enrollment}} is not null
        and not exists (
            select
            from {{profile_table}} as profile
            where {{profile_key:profile}} = {{enrollment_profile:enrollment}}
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
