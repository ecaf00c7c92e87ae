-- Students that were set aside, once they are due: all who wait for a course, as soon as there is one; the others after a
-- wait that doubles with each attempt, up to an hour. (Those who wait for a course have no next attempt, 'infinity', until
-- there is one.) And what the brake holds, once it may be taken back. `most` of them are tried; with `singly` each on its own.
-- Nobody is due while enrolling is paused.
create or replace function listener.retry_enroll(
    most integer,
    singly boolean default false,
    most_shown integer default 0,
    out tried bigint,
    out settled bigint,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out held bigint,
    out examples json,
    out pending bigint,
    out next_in double precision,
    out pending_students json,
    out woken bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    held_ids {{profile_key_type}}[] := '{}';
    problem_context text;
begin
    if {{takes_back}} and listener.held_fit() and not exists (select from listener.pause where pause.consumer = 'enroll') then
        held_ids := array(
            select made.profile_id
            from listener.made_enrollment as made
            where made.held_since is not null
            order by made.held_since
            limit most
        );
    end if;
    begin
        with destination as materialized (
            select
            from listener.has_default_course() as is_there
            where is_there
        ),

{{still_wanted}}        -- Two ranges of the index: those who are neither are not walked past.
        due_by_now as materialized (
            select pending_enrollment.profile_id
            from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at <= statement_timestamp()
                and not exists (select from listener.pause where pause.consumer = 'enroll')
            order by pending_enrollment.next_attempt_at
            limit most - cardinality(held_ids)
            for update skip locked
        ),

        due_with_course as materialized (
            select pending_enrollment.profile_id
            from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at = 'infinity'
                and {{has_course_now}}
                and not exists (select from listener.pause where pause.consumer = 'enroll')
            order by pending_enrollment.next_attempt_at
            limit most - cardinality(held_ids) - (select count(*) from due_by_now)
            for update skip locked
        ),

        due as materialized (
            select due_by_now.profile_id from due_by_now
            union all
            select due_with_course.profile_id from due_with_course
            union
            select unnest(held_ids)
        ),

        outcome as materialized (
            select attempt.*
            from listener.settle(array(select due.profile_id from due order by due.profile_id), singly) as attempt
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
                + (0.75 + random() / 2)
                * least(interval '1 hour', interval '1 second' * 2 ^ least(pending_enrollment.attempts, 12))
            returning
                pending_enrollment.profile_id,
                pending_enrollment.reason,
                pending_enrollment.error,
                pending_enrollment.attempts,
                pending_enrollment.next_attempt_at
        ),

        pending_no_more as (
            delete from listener.pending_enrollment
            where
                pending_enrollment.profile_id = any (
                    array(
                        select due.profile_id from due
                        except
                        select unsettled.profile_id from unsettled
                    )
                )
            returning pending_enrollment.profile_id
        ),

        -- One more than were tried: if there is any other, one is among them.
        soonest as materialized (
            select pending_enrollment.profile_id, pending_enrollment.next_attempt_at
            from listener.pending_enrollment
            where pending_enrollment.next_attempt_at < 'infinity'
            order by pending_enrollment.next_attempt_at
            limit (select count(*) from due) + 1
        ),

        not_tried as (
            select min(counted.next_attempt_at) as next_attempt_at
            from (
                select soonest.profile_id, soonest.next_attempt_at, false as is_due
                from soonest
                union all
                select due.profile_id, null, true
                from due
            ) as counted
            group by counted.profile_id
            having not bool_or(counted.is_due)
        )

        select
            (select count(*) from due),
            (select count(*) from pending_no_more),
            (select count(*) from outcome where outcome.done = 'enrolled'),
            (select count(*) from outcome where outcome.done = 'returned'),
            (select count(*) from outcome where outcome.done = 'suspended'),
            (select count(*) from outcome where outcome.done = 'removed'),
            (select count(*) from outcome where outcome.done = 'held'),
            (
                select json_agg(shown)
                from (
                    select outcome.done, outcome.profile_id::text, outcome.course_id::text
                    from outcome
                    where outcome.done is not null
                    limit most_shown
                ) as shown
            ),
            (select count(*) from still_pending),
            (
                select extract(epoch from min(still_waiting.next_attempt_at) - clock_timestamp())::float8
                from (
                    select still_pending.next_attempt_at from still_pending
                    union all
                    select not_tried.next_attempt_at from not_tried
                ) as still_waiting
                where still_waiting.next_attempt_at < 'infinity'
            ),
            (
                select json_agg(shown)
                from (
                    select
                        still_pending.profile_id::text,
                        still_pending.reason,
                        still_pending.error,
                        still_pending.attempts
                    from still_pending
                    limit most_shown
                ) as shown
            )
        into tried, settled, enrolled, returned, suspended, removed, held, examples, pending, next_in, pending_students;
    exception when assert_failure or query_canceled or others then
        get stacked diagnostics problem_context = pg_exception_context;
        perform listener.raise_again(sqlstate, sqlerrm, problem_context);
    end;
    if cardinality(held_ids) > 0 then
        settled := settled + cardinality(held_ids) - (
            select count(*)
            from listener.made_enrollment as made
            where made.held_since is not null and made.profile_id = any (held_ids)
        );
    end if;
    -- Somebody may have given up a place in line: has the next ones tried again, if there are seats.
    woken := case when settled > 0 then listener.wake_waiting() else 0 end;
end;
$$;
