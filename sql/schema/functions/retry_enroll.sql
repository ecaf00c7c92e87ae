-- Students set aside, once due: all who wait for a course, as soon as there is a course; the rest after a wait that
-- doubles with each attempt, up to an hour, or up to ten seconds for a lock. (Students who wait for a course have no
-- next attempt, 'infinity', until there is a course.) And enrollments that the brake holds, once they may be taken
-- back. After a success, students refused for the same reason are due at once. `most` are tried; with `singly` each
-- separately. None is due while enrolling is paused.
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
    if pg_current_xact_id_if_assigned() is not null then
        perform listener.refuse_deferred();
    end if;
    --: if takes_back
    if listener.held_fit('leaving') and not exists (select from listener.pause where pause.consumer = 'enroll') then
        held_ids := array(
            select made.profile_id
            from listener.made_enrollment as made
            where made.held_since is not null
            order by made.held_since
            limit most
        );
    end if;
    --: end
    --: if brakes_joining
    if listener.held_fit('joining') then
        update listener.pending_enrollment
        set next_attempt_at = statement_timestamp()
        where pending_enrollment.reason = 'held' and pending_enrollment.next_attempt_at = 'infinity';
    end if;
    --: end
    begin
        with destination as materialized (
            select
            from listener.has_default_course() as is_there
            where is_there
        ),

        --: if by_school
        -- Students that wait for a course, with the course if there is any now: each school has another course.
        still_wanted as materialized (
            select attempt.profile_id, attempt.course_id
            from listener.wanted_past_errors(
                array(
                    select pending_enrollment.profile_id
                    from listener.pending_enrollment
                    where pending_enrollment.next_attempt_at = 'infinity'
                )
            ) as attempt
            where attempt.error is null
        ),

        --: end
        -- Ranges of the index: students in none of these ranges are not walked past.
        due_by_now as materialized (
            select pending_enrollment.*
            from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at <= statement_timestamp()
                and not exists (select from listener.pause where pause.consumer = 'enroll')
            order by pending_enrollment.next_attempt_at
            limit most - cardinality(held_ids)
            for update skip locked
        ),

        -- Further away than any next attempt is: the server's clock has gone back since.
        due_by_another_clock as materialized (
            select pending_enrollment.*
            from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at > statement_timestamp() + interval '80 minutes'
                and pending_enrollment.next_attempt_at < 'infinity'
                and not exists (select from listener.pause where pause.consumer = 'enroll')
            order by pending_enrollment.next_attempt_at
            limit most - cardinality(held_ids) - (select count(*) from due_by_now)
            for update skip locked
        ),

        due_with_course as materialized (
            select pending_enrollment.*
            from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at = 'infinity'
                and pending_enrollment.reason <> 'held'
                and exists (select from destination)
                --: if by_school
                and (
                    pending_enrollment.profile_id = any (
                        array(
                            select still_wanted.profile_id from still_wanted where still_wanted.course_id is not null
                        )
                    )
                    or not pending_enrollment.profile_id = any (
                        array(select still_wanted.profile_id from still_wanted)
                    )
                )
                --: end
                and not exists (select from listener.pause where pause.consumer = 'enroll')
            order by pending_enrollment.next_attempt_at
            limit most
            - cardinality(held_ids) - (select count(*) from due_by_now) - (select count(*) from due_by_another_clock)
            for update skip locked
        ),

        due as materialized (
            select each.profile_id, each.course_id, each.cause, each.reason, each.error
            from (
                select * from due_by_now
                union all
                select * from due_by_another_clock
                union all
                select * from due_with_course
            ) as each
            --: if takes_back
            union all
            select held.profile_id, null, 'retry', null, null from unnest(held_ids) as held(profile_id)
            --: end
        ),

        -- All that a profile waits for is tried together.
        due_profile as materialized (
            select distinct on (due.profile_id) due.profile_id, due.cause
            from due
            order by due.profile_id, due.reason
        ),

        outcome as materialized (
            select attempt.*, by_cause.cause
            from (
                select due_profile.cause, array_agg(due_profile.profile_id order by due_profile.profile_id) as ids
                from due_profile
                group by due_profile.cause
            ) as by_cause
            cross join lateral listener.settle(by_cause.ids, singly, null, by_cause.cause) as attempt
            where
                singly
                or not attempt.may_go
                or listener.stays(attempt.profile_id, attempt.course_id, attempt.done)
        ),

        unsettled as materialized (
            select distinct on (outcome.profile_id, outcome.course_id)
                outcome.profile_id,
                outcome.course_id,
                outcome.waits_for,
                outcome.error,
                outcome.cause
            from outcome
            where outcome.waits_for is not null
            order by outcome.profile_id, outcome.course_id, outcome.waits_for = 'failed' desc
        ),

        -- What refused these is over: so it is, most likely, for the others that it refused. (What was not about one course
        -- is over when anything was done.)
        mended as materialized (
            select distinct tried.reason, tried.error
            from (
                select
                    each.profile_id,
                    each.course_id,
                    max(each.reason) as reason,
                    max(each.error) as error
                from (
                    select due.profile_id, due.course_id, due.reason, due.error, false as is_done, false as waits from due
                    union all
                    select outcome.profile_id, place.course_id, null, null, true, false
                    from outcome
                    cross join lateral unnest(array[outcome.course_id, null]) as place(course_id)
                    where outcome.done <> 'held'
                    union all
                    select unsettled.profile_id, place.course_id, null, null, false, true
                    from unsettled
                    cross join lateral unnest(array[unsettled.course_id, null]) as place(course_id)
                    where unsettled.waits_for in ('failed', 'course_locked')
                ) as each
                group by each.profile_id, each.course_id
                having bool_or(each.is_done) and not bool_or(each.waits)
            ) as tried
            where tried.reason in ('failed', 'course_locked') and (tried.error like 'put off: the session%') is not true
            limit 20
        ),

        before as (
            delete from listener.pending_enrollment
            where
                pending_enrollment.profile_id = any (array(select due_profile.profile_id from due_profile))
                -- After the attempt, which looks up in here who was let go.
                and (select count(*) from outcome) >= 0
            returning
                pending_enrollment.profile_id,
                pending_enrollment.course_id,
                pending_enrollment.attempts,
                pending_enrollment.since,
                pending_enrollment.released
        ),

        -- No join: whatever is believed of these, no row is compared with each of the others.
        still_unsettled as materialized (
            select
                each.profile_id,
                each.course_id,
                max(each.waits_for) as waits_for,
                max(each.error) as error,
                max(each.cause) as cause,
                max(each.attempts) as attempts,
                min(each.since) as since,
                bool_or(each.released) as released
            from (
                select
                    unsettled.profile_id,
                    unsettled.course_id,
                    unsettled.waits_for,
                    unsettled.error,
                    unsettled.cause,
                    0 as attempts,
                    clock_timestamp() as since,
                    false as released
                from unsettled
                union all
                select before.profile_id, before.course_id, null, null, null, before.attempts, before.since, before.released
                from before
            ) as each
            group by each.profile_id, each.course_id
            having max(each.waits_for) is not null
        ),

        still_pending as (
            insert into listener.pending_enrollment (
                profile_id, course_id, reason, error, attempts, since, next_attempt_at, cause, alone, released
            )
            select
                still_unsettled.profile_id,
                still_unsettled.course_id,
                still_unsettled.waits_for,
                still_unsettled.error,
                still_unsettled.attempts + 1,
                still_unsettled.since,
                case
                    when still_unsettled.waits_for in ('no_course', 'full', 'held') then 'infinity'
                    else clock_timestamp() + greatest(
                        (0.75 + random() / 2) * least(
                            case
                                when
                                    still_unsettled.waits_for = 'course_locked'
                                    or still_unsettled.error ~ '^(55P03|40P01|put off: others)'
                                    then interval '10 seconds'
                                else interval '1 hour'
                            end,
                            interval '1 second' * 2 ^ least(still_unsettled.attempts, 12)
                        ),
                        case
                            when still_unsettled.error like '57014%'
                                then 10 * (clock_timestamp() - statement_timestamp())
                            when still_unsettled.error like 'put off: the session%' then interval '1 minute'
                        end
                    )
                end,
                still_unsettled.cause,
                exists (
                    select
                    from mended
                    where
                        mended.reason = still_unsettled.waits_for
                        and mended.error is not distinct from still_unsettled.error
                ),
                still_unsettled.released
            from still_unsettled
            on conflict do nothing
            returning
                pending_enrollment.profile_id,
                pending_enrollment.course_id,
                pending_enrollment.reason,
                pending_enrollment.error,
                pending_enrollment.attempts
        ),

        hurried as (
            update listener.pending_enrollment
            set next_attempt_at = statement_timestamp()
            where
                pending_enrollment.id = any (
                    array(
                        select later.id
                        from (
                            select
                                pending_enrollment.id,
                                pending_enrollment.reason,
                                pending_enrollment.error
                            from listener.pending_enrollment
                            where
                                pending_enrollment.next_attempt_at > statement_timestamp()
                                and pending_enrollment.next_attempt_at <= statement_timestamp() + interval '80 minutes'
                                and not pending_enrollment.alone
                                and exists (select from mended)
                            order by pending_enrollment.next_attempt_at
                            limit 5 * most
                        ) as later
                        where
                            exists (
                                select
                                from mended
                                where
                                    mended.reason = later.reason
                                    and mended.error is not distinct from later.error
                            )
                    )
                )
        )

        select
            (select count(*) from due),
            (select count(*) from before) - (select count(*) from still_unsettled where still_unsettled.attempts > 0),
            (select count(*) from outcome where outcome.done = 'enrolled'),
            --: if takes_back
            (select count(*) from outcome where outcome.done = 'returned'),
            (select count(*) from outcome where outcome.done = 'suspended'),
            (select count(*) from outcome where outcome.done = 'removed'),
            (select count(*) from outcome where outcome.done = 'held'),
            --: else
            0, 0, 0, 0,
            --: end
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
                select json_agg(shown)
                from (
                    select
                        still_pending.profile_id::text,
                        still_pending.course_id::text,
                        still_pending.reason,
                        still_pending.error,
                        still_pending.attempts
                    from still_pending
                    limit most_shown
                ) as shown
            )
        into tried, settled, enrolled, returned, suspended, removed, held, examples, pending, pending_students;
    exception when assert_failure or query_canceled or others then
        get stacked diagnostics problem_context = pg_exception_context;
        perform listener.raise_again(sqlstate, sqlerrm, problem_context);
    end;
    next_in := (
        select greatest(extract(epoch from pending_enrollment.next_attempt_at - clock_timestamp()), 0)::float8
        from listener.pending_enrollment
        where pending_enrollment.next_attempt_at < 'infinity'
        order by pending_enrollment.next_attempt_at
        limit 1
    );
    --: if takes_back
    if cardinality(held_ids) > 0 then
        settled := settled + cardinality(held_ids) - (
            select count(*)
            from listener.made_enrollment as made
            where made.held_since is not null and made.profile_id = any (held_ids)
        );
    end if;
    --: end
    --: if has_seats
    -- Somebody may have given up a place in line, or lost it: has the next ones tried again, if there are seats.
    woken := case when settled + pending > 0 then listener.wake_waiting() else 0 end;
    --: else
    woken := 0;
    --: end
end;
$$;
