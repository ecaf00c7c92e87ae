-- Parked deltas: applied as soon as the course row is free again.
with due as materialized (
    select pending_count.*
    from listener.pending_count
    where pending_count.next_attempt_at <= clock_timestamp()
    order by pending_count.next_attempt_at, pending_count.course_id
    limit $1
    for update skip locked
),

free_course as materialized (
    select course.id
    from listener.lock_courses(array(select due.course_id from due order by due.course_id)) as course(id)
),

move as materialized (
    select
        due.course_id,
        due.delta,
        due.course_id in (select free_course.id from free_course) as free
    from due
),

attempt as materialized (
    select
        move.*,
        case
            when move.delta <> 0 and move.free then listener.try_move_count(move.course_id, move.delta)
        end as error
    from move
),

outcome as materialized (
    select
        attempt.course_id,
        attempt.delta,
        attempt.delta = 0 or (attempt.free and attempt.error is null) as settled,
        attempt.error
    from attempt
),

still_parked as (
    update listener.pending_count
    set
        error = outcome.error,
        attempts = pending_count.attempts + 1,
        next_attempt_at = clock_timestamp()
        + least(interval '1 minute', interval '100 milliseconds' * 2 ^ least(pending_count.attempts, 10))
    from outcome
    where pending_count.course_id = outcome.course_id and not outcome.settled
    returning pending_count.course_id, pending_count.next_attempt_at
),

applied as (
    delete from listener.pending_count
    using outcome
    where pending_count.course_id = outcome.course_id and outcome.settled
    returning pending_count.course_id, outcome.delta
),

not_tried as (
    select pending_count.next_attempt_at
    from listener.pending_count
    where pending_count.course_id not in (select due.course_id from due)
    order by pending_count.next_attempt_at
    limit 1
)

select
    (select count(*) from due) as tried,
    (select count(*) from applied where delta <> 0) as moved,
    (
        select json_agg(shown)
        from (select course_id::text as course_id, delta from applied where delta <> 0 limit $2) as shown
    ) as moves,
    (select count(*) from still_parked) as parked,
    (
        select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
        from (
            select next_attempt_at from still_parked
            union all
            select next_attempt_at from not_tried
        ) as still_waiting
    ) as next_in
