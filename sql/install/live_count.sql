-- Every course's count as of this instant: what its row says, and what is still on its way.
create view listener.course_live_count as
with delta_on_its_way as (
    select
        unhandled.course_id,
        unhandled.delta
    from listener.unhandled('count') as unhandled
    where unhandled.delta is not null
    union all
    select
        pending_count.course_id,
        pending_count.delta
    from listener.pending_count
),

delta_per_course as (
    select
        delta_on_its_way.course_id,
        sum(delta_on_its_way.delta) as delta
    from delta_on_its_way
    group by delta_on_its_way.course_id
)

select
    course.id,
    (coalesce(course.active_enrollments, 0) + coalesce(delta_per_course.delta, 0))::bigint as active_enrollments
from listener.course
left join delta_per_course on course.id = delta_per_course.course_id;
