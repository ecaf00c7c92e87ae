-- The equation that holds in every snapshot: what a course's row says, and what the feed and the parked deltas still
-- hold for it, add up to its active enrollments. What is missing is drift, and stays the same in every later
-- snapshot, however busy the system, until somebody repairs it.
create view listener.course_drift as
with active_per_course as (
    select
        {{enrollment_course:enrollment}} as course_id,
        count(*) as active
    from {{enrollment_table}} as enrollment
    where ({{is_counted:enrollment}}) is true
    group by {{enrollment_course:enrollment}}
),

expected_count as (
    select
        course.id,
        course.active_enrollments,
        coalesce(active_per_course.active, 0) - coalesce(count_on_its_way.delta, 0) as expected
    from listener.course
    left join active_per_course on course.id = active_per_course.course_id
    left join listener.count_on_its_way on course.id = count_on_its_way.course_id
)

select
    expected_count.id,
    count_column.name as count_column,
    count_column.value::bigint as current,
    expected_count.expected::bigint as expected,
    (expected_count.expected - coalesce(count_column.value, 0))::bigint as drift
from expected_count
inner join {{course_table}} as course on {{course_key:course}} = expected_count.id
cross join lateral (
    values
        {{count_column_values}}
) as count_column (name, value)
where coalesce(count_column.value, 0) <> expected_count.expected;
