-- Of a bounded number of profiles: how many there are, and how many the rule takes for students.
with looked_at as (
    select {{profile_key:profile}} as id
    from {{profile_table}} as profile{{sample}}
    limit {{most}}
)

select
    count(*) as profiles,
    (
        select count(distinct student.id)
        from listener.students(coalesce((select array_agg(looked_at.id) from looked_at), '{}')) as student(id)
    ) as students
from looked_at
