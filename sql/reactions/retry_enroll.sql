-- Students that were set aside, once they are due: all who wait for a course, as soon as there is one;
-- the others after a wait that doubles with each attempt, up to an hour.
-- (Those who wait for a course have no next attempt, 'infinity', until there is one.) Nobody is due while enrolling is
-- paused.
with destination as materialized (
    select course.id
    from listener.default_course_id() as course(id)
    where course.id is not null
),

-- Two ranges of the index: those who are neither are not walked past.
due_by_now as materialized (
    select pending_enrollment.profile_id
    from listener.pending_enrollment
    where
        pending_enrollment.next_attempt_at <= statement_timestamp()
        and not exists (select from listener.pause where pause.consumer = 'enroll')
    order by pending_enrollment.next_attempt_at
    limit $1
    for update skip locked
),

due_with_course as materialized (
    select pending_enrollment.profile_id
    from listener.pending_enrollment
    where
        pending_enrollment.next_attempt_at = 'infinity'
        and exists (select from destination)
        and not exists (select from listener.pause where pause.consumer = 'enroll')
    order by pending_enrollment.next_attempt_at
    limit $1 - (select count(*) from due_by_now)
    for update skip locked
),

due as materialized (
    select due_by_now.profile_id from due_by_now
    union all
    select due_with_course.profile_id from due_with_course
),

outcome as materialized (
    select settled.*
    from listener.settle(array(select due.profile_id from due order by due.profile_id), {{outcome}}) as settled
),

unsettled as materialized (
    select distinct on (outcome.profile_id)
        outcome.profile_id,
        outcome.waits_for,
        outcome.error
    from outcome
    where outcome.waits_for is not null
    order by outcome.profile_id, outcome.waits_for = 'failed' desc
),

-- All of them are there, and conflict: so each is found by its key, which a join would leave to the planner.
still_pending as (
    insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)
    select
        unsettled.profile_id,
        unsettled.waits_for,
        unsettled.error,
        case when unsettled.waits_for in ('no_course', 'full') then 'infinity' else clock_timestamp() end
    from unsettled
    on conflict (profile_id) do update
    set
        reason = excluded.reason,
        error = excluded.error,
        attempts = pending_enrollment.attempts + 1,
        next_attempt_at = excluded.next_attempt_at
        + (0.75 + random() / 2) * least(interval '1 hour', interval '1 second' * 2 ^ least(pending_enrollment.attempts, 12))
    returning
        pending_enrollment.profile_id,
        pending_enrollment.reason,
        pending_enrollment.error,
        pending_enrollment.attempts,
        pending_enrollment.next_attempt_at
),

settled as (
    delete from listener.pending_enrollment
    where
        pending_enrollment.profile_id = any (
            array(
                select due.profile_id from due
                except
                select unsettled.profile_id from unsettled
            )
        )
    returning profile_id
),

{{not_tried}}

select
    (select count(*) from due) as tried,
    (select count(*) from settled) as settled,
    (select count(*) from outcome where outcome.done = 'enrolled') as enrolled,
    (select count(*) from outcome where outcome.done = 'returned') as returned,
    (select count(*) from outcome where outcome.done = 'suspended') as suspended,
    (select count(*) from outcome where outcome.done = 'removed') as removed,
    (
        select json_agg(shown)
        from (
            select outcome.done, outcome.profile_id::text, outcome.course_id::text
            from outcome
            where outcome.done is not null
            limit $2
        ) as shown
    ) as examples,
    (select count(*) from still_pending) as pending,
    (
        select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
        from (
            select next_attempt_at from still_pending
            union all
            select next_attempt_at from not_tried
        ) as still_waiting
        where next_attempt_at < 'infinity'
    ) as next_in,
    (
        select json_agg(shown)
        from (select profile_id::text, reason, error, attempts from still_pending limit $2) as shown
    ) as pending_students
