-- Who should be where and is not, before anything is installed: no note can be unhandled, and nobody is set aside.
with astray (profile_id, course_id, should_be) as materialized (
    {{astray}}
),

found as (
    select format('%s in %s', astray.profile_id, astray.course_id) as example
    from astray
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
