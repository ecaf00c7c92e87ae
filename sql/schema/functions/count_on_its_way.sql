-- Deltas for each course in the feed and parked, which the course's row does not show yet.
create view listener.count_on_its_way as
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
)

select
    delta_on_its_way.course_id,
    sum(delta_on_its_way.delta) as delta
from delta_on_its_way
group by delta_on_its_way.course_id;
