-- Counts that are off even when all that the feed still holds is added: such a difference stays until it is repaired.
with found as (
    select format(
        '%s: %s says %s, should be %s',
        course_drift.id, course_drift.count_column, coalesce(course_drift.current::text, 'nothing'), course_drift.expected
    ) as example
    from listener.course_drift
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
