-- Counting: the deltas noted, summed per course; each course row moves once.
{{feed}},

delta_per_course as materialized (
    select course_id, sum(delta)::bigint as delta
    from batch
    where course_id is not null
    group by course_id
    having sum(delta) <> 0
),

-- A row that somebody holds is passed over; in key order, as everybody should lock rows.
free_course as materialized (
    select course.id
    from listener.lock_courses(
        array(select delta_per_course.course_id from delta_per_course order by delta_per_course.course_id)
    ) as course(id)
),

move as materialized (
    select
        delta_per_course.course_id,
        delta_per_course.delta,
        delta_per_course.course_id in (select free_course.id from free_course) as free
    from delta_per_course
),

outcome as materialized (
    {{outcome}}
),

parked as (
    insert into listener.pending_count (course_id, delta, error, next_attempt_at)
    select course_id, delta, error, clock_timestamp() + interval '100 milliseconds'
    from outcome
    where not free or error is not null
    on conflict (course_id) do update
    set
        delta = pending_count.delta + excluded.delta,
        error = excluded.error,
        -- What adds up to nothing, as when a course is gone and the last of its enrollments, is done with at once.
        next_attempt_at = case
            when pending_count.delta + excluded.delta = 0 then excluded.next_attempt_at
            else pending_count.next_attempt_at
        end
    returning course_id
)

select
    batch_summary.*,
    exists (select from delta_per_course) as concerned,
    (select count(*) from outcome where free and error is null) as moved,
    (
        select json_agg(shown)
        from (
            select course_id::text as course_id, delta
            from outcome
            where free and error is null
            limit $3
        ) as shown
    ) as moves,
    (select count(*) from parked) as parked
from batch_summary
where batch_summary.changes > 0
