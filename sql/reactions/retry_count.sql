-- Parked deltas: applied as soon as the course row is free again. None is due while counting is paused.
with due as materialized (
    select pending_count.*
    from listener.pending_count
    where
        pending_count.next_attempt_at <= clock_timestamp()
        and not exists (select from listener.pause where pause.consumer = 'count')
    order by pending_count.next_attempt_at
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

-- All of them are there, and conflict: so each is found by its key, which a join would leave to the planner.
still_parked as (
    insert into listener.pending_count (course_id, delta, error, next_attempt_at)
    select outcome.course_id, outcome.delta, outcome.error, clock_timestamp()
    from outcome
    where not outcome.settled
    on conflict (course_id) do update
    set
        error = excluded.error,
        attempts = pending_count.attempts + 1,
        next_attempt_at = clock_timestamp()
        + least(interval '1 minute', interval '100 milliseconds' * 2 ^ least(pending_count.attempts, 10))
    returning pending_count.course_id, pending_count.next_attempt_at
),

applied as (
    delete from listener.pending_count
    where pending_count.course_id = any (array(select outcome.course_id from outcome where outcome.settled))
    returning pending_count.course_id, pending_count.delta
),

{{not_tried}}

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
