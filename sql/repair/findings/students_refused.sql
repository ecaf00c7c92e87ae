-- Students who cannot be enrolled, for the enrollments' foreign key refers to another table, and they are not in it.
with found as (
    select {{profile_key:profile}}::text as example
    from {{profile_table}} as profile
    where
        {{student_condition}}
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{profile_key:profile}}
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
