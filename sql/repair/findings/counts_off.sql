-- Counts compared with the enrollments that are there: before anything is installed, no note can be unhandled.
with {{active_per_course}},

found as (
    select format(
        '%s: %s says %s, should be %s',
        {{course_key:course}}, count_column.name, coalesce(count_column.value::text, 'nothing'),
        coalesce(active_per_course.active, 0)
    ) as example
    from {{course_table}} as course
    left join active_per_course on active_per_course.course_id = {{course_key:course}}
    cross join lateral (
        values
            {{count_column_values}}
    ) as count_column (name, value)
    where coalesce(count_column.value, 0) <> coalesce(active_per_course.active, 0)
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
