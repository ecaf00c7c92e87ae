-- What would be done about those whose enrollments are not what they should be, by course: how many, how many of these
-- wait already, whether the course is there and has how many free seats, and a few of their keys.
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
    {{waiting}}
),

course as (
    {{courses}}
),

movement as (
    select
        numbered.course_id,
        course.id is not null as course_is_there,
        course.free,
        numbered.should_be,
        numbered.should_be in ('enrolled', 'returned') as is_in,
        count(*) as affected,
        count(waiting.profile_id) as waiting,
        array_agg(numbered.profile_id::text order by numbered.place) filter (where numbered.place <= $1) as examples
    from numbered
    left join waiting on waiting.profile_id = numbered.profile_id
    left join course on course.id = numbered.course_id
    group by numbered.course_id, course.id, course.free, numbered.should_be
),

-- Seats that are free once those who leave have left.
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
    array_position(array['enrolled', 'returned', 'suspended', 'removed'], seated.should_be)
