with found as (
    select
        {{enrollment_profile:enrollment}}::text || ' in ' || {{enrollment_course:enrollment}}::text as example,
        count(*) - 1 as surplus
    from {{enrollment_table}} as enrollment
    where {{enrollment_profile:enrollment}} is not null and {{enrollment_course:enrollment}} is not null
    group by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
    having count(*) > 1
)

select
    (select coalesce(sum(surplus), 0)::bigint from found) as affected,
    array(select example from found order by example limit 5) as examples
