-- Enrollments whose profile, or course, is not there.
with found as (
    select {{reference:enrollment}}::text as example
    from {{enrollment_table}} as enrollment
    where
        {{reference:enrollment}} is not null
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{reference:enrollment}}
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
