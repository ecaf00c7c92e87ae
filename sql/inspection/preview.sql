-- Students that would join, leave and come back: under an installation, or before. {{astray}} is a query of astray
-- profiles: the installed function, or the rule that is to be installed, written out.

-- name: movements
-- What would be done about astray profiles, by course: how many profiles, how many wait already, whether the course is
-- there and has how many free seats, and a few profiles' keys.
with astray (profile_id, course_id, should_be) as materialized (
    {{astray}}
),

numbered as (
    select
        astray.profile_id,
        astray.course_id,
        astray.should_be,
        row_number() over (
            partition by astray.course_id, astray.should_be
            order by astray.profile_id
        ) as place
    from astray
),

waiting as (
    select
        pending.profile_id::text::{{profile_key_type}} as profile_id,
        pending.course_id::text::{{course_key_type}} as course_id
    from {{pending}} as pending
),

-- With the free seats; null where there is no limit.
course as (
    select
        {{course_key:course}}::{{course_key_type}} as id,
        ({{course_seats:course}})::bigint - coalesce(taken.seats, 0) as free
    from {{course_table}} as course
    left join (
        select
            {{enrollment_course:enrollment}} as course_id,
            count(*) as seats
        from {{enrollment_table}} as enrollment
        where {{has_seats}} and ({{is_counted:enrollment}}) is true
        group by {{enrollment_course:enrollment}}
    ) as taken on taken.course_id = {{course_key:course}}
),

movement as (
    select
        numbered.course_id,
        course.id is not null as course_is_there,
        course.free,
        numbered.should_be,
        numbered.should_be in ('enrolled', 'returned') as is_in,
        count(*) as affected,
        count(coalesce(waits_there.profile_id, waits.profile_id)) as waiting,
        array_agg(numbered.profile_id::text order by numbered.place) filter (where numbered.place <= $1) as examples
    from numbered
    left join waiting as waits_there
        on waits_there.profile_id = numbered.profile_id and waits_there.course_id = numbered.course_id
    left join waiting as waits on waits.profile_id = numbered.profile_id and waits.course_id is null
    left join course on course.id = numbered.course_id
    group by numbered.course_id, course.id, course.free, numbered.should_be
),

-- Free seats once leaving students have left.
seated as (
    select
        movement.*,
        movement.free + coalesce(sum(movement.affected) filter (where not movement.is_in) over in_course, 0) as seats,
        sum(movement.affected) filter (where movement.is_in) over in_course as joining
    from movement
    window in_course as (partition by movement.course_id)
)

select
    seated.course_id::text as course_id,
    seated.course_is_there,
    seated.should_be,
    seated.affected,
    seated.waiting,
    seated.examples,
    case when seated.is_in and seated.joining > seated.seats then greatest(seated.seats, 0)::bigint end as seats
from seated
order by
    seated.course_id,
    array_position(array['enrolled', 'returned', 'suspended', 'removed'], seated.should_be);

-- name: made
-- Enrollments that the listener made, by the keys' present types. Held students would leave.
select
    made.profile_id::text::{{profile_key_type}} as profile_id,
    made.course_id::text::{{course_key_type}} as course_id,
    made.row_key,
    made.taken_back_at,
    null::timestamptz as held_since
from listener.made_enrollment as made;

-- name: made_before
-- The same before the first enrollment.
select
    null::{{profile_key_type}} as profile_id,
    null::{{course_key_type}} as course_id,
    null::text as row_key,
    null::timestamptz as taken_back_at,
    null::timestamptz as held_since
where false;

-- name: matched
-- How many profiles there are, and how many the rule wants in any course.
select
    (select count(*) from {{profile_table}}) as profiles,
    (
        select count(distinct wanted.profile_id)
        from (
            {{wanted_query}}
        ) as wanted(profile_id, course_id)
        where
            wanted.profile_id is not null
            --: unless only_on_joining
            and wanted.course_id is not null
            --: end
    ) as wanted;

-- name: miscounted
-- Counts that differ from the number of enrollments, the largest differences first.
with {{active_per_course}}

select
    {{course_key:course}}::text as course_id,
    count_column.name as count_column,
    count_column.value as current,
    coalesce(active_per_course.active, 0) as expected,
    count(*) over () as total
from {{course_table}} as course
left join active_per_course on active_per_course.course_id = {{course_key:course}}
cross join lateral (
    values
        {{count_column_values}}
) as count_column (name, value)
where coalesce(count_column.value, 0) <> coalesce(active_per_course.active, 0)
order by abs(coalesce(active_per_course.active, 0) - coalesce(count_column.value, 0)) desc, 1, 2
limit $1;

-- name: drifted
-- The same under an installation: counts that are off even when all that the feed still holds is added.
select
    course_drift.id::text as course_id,
    course_drift.count_column,
    course_drift.current,
    course_drift.expected,
    count(*) over () as total
from listener.course_drift
order by abs(course_drift.expected - coalesce(course_drift.current, 0)) desc, 1, 2
limit $1;
