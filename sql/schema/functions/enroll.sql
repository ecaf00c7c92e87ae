-- The reaction that enrolls: one batch of the feed, and its checkpoint. The enrollments of the profiles noted are made what
-- they should be (`listener.settle`), and who has to wait is set aside. `most` is what a batch may weigh; `singly` treats
-- each student on its own, so that an error is the answer for that student and not the end of the batch; of `most_shown`
-- students the row says who they are, for the log. `changes` is 0 if there is nothing to do.
--
-- `fresh` takes what is fresh and small ahead of its turn, where there is a backlog (`listener.fresh`): since the last such
-- look, until which `looked` says that it looked.
create or replace function listener.enroll(
    most integer,
    singly boolean default false,
    most_shown integer default 0,
    fresh boolean default false,
    looked text default null,
    out changes bigint,
    out notes_left boolean,
    out seq bigint,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out held bigint,
    out examples json,
    out pending bigint,
    out pending_students json,
    out courses_changed boolean,
    out woken bigint,
    out waited double precision,
    out settled_at double precision,
    out noted_at double precision[],
    out kinds json
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    most_in_turn integer := case when fresh then -1 else most end;
    seen_by_read pg_snapshot;
    read_after_seq bigint;
    more_to_read boolean;
    taken_xids xid8[];
    end_xid xid8;
    end_id bigint;
    following_xid xid8;
    noted listener.change[];
    first_noted_at timestamptz;
    --: if has_seats
    may_free_seats boolean;
    --: end
    --: if has_routes
    routed_notes listener.change[];
    --: end
    waiting_ids {{profile_key_type}}[];
    waiting_courses {{course_key_type}}[];
    waiting_for text[];
    waiting_causes text[];
    errors text[];
    problem_context text;
begin
    if pg_current_xact_id_if_assigned() is not null then
        perform listener.refuse_deferred();
    end if;
    -- Notes and snapshot come from one statement. Who is a student is looked up after it, and so is as new or newer. Few
    -- notes, which is what there is nearly always, are read by a small one: each part of a statement is set up again each
    -- time.
    if not fresh then
        with note as materialized (
            select *
            from (
                {{few_notes_of_enroll}}
            ) as next_note
        )

        select
            listener.seen(pg_current_snapshot()),
            array(
                -- As a single note.
                select row(null, null, null, null, led.cause, array_agg(led.id), null, null, null, null)::listener.change
                from (
                    select
                        unnest(note.profile_ids) as id,
                        {{cause_of_note}} collate "C" as cause
                    from note
                ) as led
                group by led.cause <> 'sign_up', led.cause
                order by led.cause <> 'sign_up', led.cause
            ),
            array(
                select noted_profile.at
                from (select date_part('epoch', note.at) as at, unnest(note.profile_ids) from note) as noted_profile
            ),
            summary.*
        from (
            select
                count(*),
                min(note.checkpoint_seq),
                coalesce(
                    bool_or(note.route is not null or num_nonnulls(note.partial_xid, note.first_ahead) > 0)
                    or sum(note.weight) > least(most, 64),
                    false
                ),
                --: if has_seats
                bool_or(note.delta < 0 or note.source = 'courses'),
                --: end
                bool_or(note.source = 'courses'),
                min(note.at),
                json_agg(
                    json_build_object('source', note.source, 'operation', note.operation, 'changes', note.weight)
                )
            from note
        ) as summary
        into
            seen_by_read, noted, noted_at, changes, read_after_seq, more_to_read,
            --: if has_seats
            may_free_seats,
            --: end
            courses_changed, first_noted_at, kinds;
    end if;
    if fresh or more_to_read then
        with kind as materialized (
            select
                note.source,
                note.operation,
                note.fits,
                count(*) as notes,
                sum(note.weight) as weight,
                min(note.checkpoint_seq) as checkpoint_seq,
                bool_or(note.is_rest) as is_rest,
                -- By way of bigint: min(xid8) came with Postgres 15.
                min(note.xid::text::bigint) filter (where note.is_last or not note.fits) as last_xid,
                min(note.id) filter (where note.is_last) as last_id,
                --: if has_seats
                bool_or(note.delta < 0) as is_less,
                --: end
                array_agg(note.xid) filter (where fresh) as xids,
                min(note.at) as first_at,
                array_agg(note.profile_ids[1]) filter (where cardinality(note.profile_ids) = 1) as single_ids,
                array_agg(date_part('epoch', note.at)) filter (where cardinality(note.profile_ids) = 1) as moments,
                array_agg(
                    row(
                        note.xid, note.id, note.at, note.source, note.operation, note.profile_ids, note.course_id,
                        note.delta, note.route, note.keys
                    )::listener.change
                ) filter (where note.fits and (note.weight > 1 or note.route is not null)) as others
            from (
                select
                    weighed_note.xid,
                    weighed_note.id,
                    weighed_note.at,
                    weighed_note.source,
                    weighed_note.operation,
                    weighed_note.profile_ids,
                    weighed_note.course_id,
                    weighed_note.delta,
                    weighed_note.route,
                    weighed_note.keys,
                    weighed_note.weight,
                    weighed_note.fits,
                    weighed_note.is_last,
                    weighed_note.partial_xid is not null as is_rest,
                    weighed_note.checkpoint_seq
                from (
                    {{weighed_notes_of_enroll}}
                ) as weighed_note
                union all
                select
                    xid, id, at, source, operation, profile_ids, course_id, delta, route, keys, weight::integer, fits, is_last,
                    is_rest, checkpoint_seq
                from listener.fresh('enroll', looked::pg_snapshot, most)
                where fresh
            ) as note
            group by note.source, note.operation, note.fits
        ),

        noted_profiles as (
            select
                note.profile_ids,
                note.moments,
                {{cause_of_note}} collate "C" as cause
            from (
                select kind.source, kind.operation, kind.single_ids as profile_ids, kind.moments
                from kind
                where kind.fits and kind.single_ids is not null
                union all
                select
                    other.source,
                    other.operation,
                    other.profile_ids,
                    array_fill(date_part('epoch', other.at), array[cardinality(other.profile_ids)])
                from kind
                cross join lateral unnest(kind.others) as other
                where other.profile_ids is not null
            ) as note
        )

        select
            listener.seen(pg_current_snapshot()),
            array(
                select
                    row(
                        null, null, null, null, led.cause,
                        array(select unnest(note.profile_ids) from noted_profiles as note where note.cause = led.cause),
                        null, null, null, null
                    )::listener.change
                from (select distinct noted_profiles.cause from noted_profiles) as led
                order by led.cause <> 'sign_up', led.cause
            ),
            (
                select
                    json_agg(
                        json_build_object('source', kind.source, 'operation', kind.operation, 'changes', kind.weight)
                    )
                from kind
                where kind.fits
            ),
            array(select unnest(noted_profiles.moments) from noted_profiles),
            --: if has_routes
            array(
                select other
                from kind
                cross join lateral unnest(kind.others) as other
                where other.route is not null
            ),
            --: end
            summary.*
        from (
            select
                coalesce(sum(kind.notes) filter (where kind.fits), 0),
                min(kind.checkpoint_seq),
                fresh or coalesce(bool_or(kind.is_rest or not kind.fits), false),
                (min(kind.last_xid) filter (where kind.fits))::text::xid8,
                min(kind.last_id),
                (min(kind.last_xid) filter (where not kind.fits))::text::xid8,
                --: if has_seats
                bool_or(kind.is_less or kind.source = 'courses') filter (where kind.fits),
                --: end
                bool_or(kind.source = 'courses') filter (where kind.fits),
                min(kind.first_at) filter (where kind.fits),
                array(select distinct taken.xid from kind cross join lateral unnest(kind.xids) as taken(xid))
            from kind
        ) as summary
        into
            seen_by_read, noted, kinds, noted_at,
            --: if has_routes
            routed_notes,
            --: end
            changes, read_after_seq, more_to_read, end_xid, end_id, following_xid,
            --: if has_seats
            may_free_seats,
            --: end
            courses_changed, first_noted_at, taken_xids;
        if changes > 0 and fresh then
            seq := listener.write_ahead('enroll', read_after_seq, taken_xids, changes);
        elsif changes > 0 then
            seq := listener.write_checkpoint(
                'enroll', read_after_seq, seen_by_read, changes, case when more_to_read then end_xid end, end_id, following_xid
            );
        elsif not fresh then
            perform listener.close_ahead('enroll');
        end if;
    end if;
    -- Nothing is noted; or it is paused; or all that was left was handled ahead of its turn.
    if changes = 0 then
        return;
    end if;
    if seq is null then
        seq := read_after_seq + 1;
        insert into listener.checkpoint (consumer, seq, handled, changes) values ('enroll', seq, seen_by_read, changes);
    end if;
    notes_left := more_to_read;
    --: if has_routes
    -- Rows that are about no single profile lead to profiles. The profiles are noted in turn, and handled with the next
    -- batch.
    if cardinality(routed_notes) > 0 then
        begin
            insert into listener.change (source, operation, profile_ids)
            -- Profiles at the end of a route have not signed up by the change.
            select led.source, case led.source when 'profiles' then 'update' else led.operation end, array_agg(led.profile_id)
            from (
                select
                    note.source,
                    note.operation,
                    profile.id as profile_id,
                    (row_number() over (partition by note.source, note.operation) - 1) / 100 as part
                from (
                    select routed.source, routed.operation, routed.route, array_agg(key.value) as keys
                    from unnest(routed_notes) as routed
                    cross join lateral unnest(routed.keys) as key(value)
                    group by routed.source, routed.operation, routed.route
                ) as note
                cross join lateral listener.routed(note.route, note.keys) as profile(id)
            ) as led
            group by led.source, led.operation, led.part;
            notes_left := notes_left or found;
        exception when assert_failure or others then
            -- A key that leads nowhere, as no value of the next table's type: all profiles are looked at.
            if sqlstate ~ '^(42|3F)' then
                raise;
            end if;
            perform listener.note_blindly('profiles', 'update', sqlstate);
        end;
    end if;
    --: end
    enrolled := 0;
    pending := 0;
    if cardinality(noted) > 0 then
        for attempt in 1..2 loop
            begin
                select
                    count(*) filter (where outcome.done = 'enrolled'),
                    --: if takes_back
                    count(*) filter (where outcome.done = 'returned'),
                    count(*) filter (where outcome.done = 'suspended'),
                    count(*) filter (where outcome.done = 'removed'),
                    count(*) filter (where outcome.done = 'held'),
                    --: else
                    0, 0, 0, 0,
                    --: end
                    json_agg(
                        json_build_object(
                            'done', outcome.done, 'profile_id', outcome.profile_id::text, 'course_id', outcome.course_id::text
                        )
                    ) filter (where outcome.done is not null and outcome.number <= most_shown),
                    array_agg(outcome.profile_id) filter (where outcome.waits_for is not null),
                    array_agg(outcome.course_id) filter (where outcome.waits_for is not null),
                    array_agg(outcome.waits_for) filter (where outcome.waits_for is not null),
                    array_agg(by_cause.operation) filter (where outcome.waits_for is not null),
                    array_agg(outcome.error) filter (where outcome.waits_for is not null)
                from unnest(noted) as by_cause
                cross join lateral listener.settle(by_cause.profile_ids, singly, null, by_cause.operation) with ordinality
                as outcome(profile_id, course_id, done, waits_for, error, may_go, number)
                where
                    singly
                    or not outcome.may_go
                    or listener.stays(outcome.profile_id, outcome.course_id, outcome.done)
                into
                    enrolled, returned, suspended, removed, held, examples, waiting_ids, waiting_courses, waiting_for,
                    waiting_causes, errors;
                exit;
            exception when assert_failure or query_canceled or others then
                -- Another session enrolled a profile at the same moment: the second look sees the enrollment.
                if attempt = 2 or sqlstate <> '23505' then
                    get stacked diagnostics problem_context = pg_exception_context;
                    perform listener.raise_again(sqlstate, sqlerrm, problem_context);
                end if;
            end;
        end loop;
        --: if has_lines
        -- Who waits for that seat no more, is held no more, or waits for something else by now.
        delete from listener.pending_enrollment
        where
            (pending_enrollment.reason in ('full', 'held') or pending_enrollment.released)
            and pending_enrollment.profile_id = any (
                array(select unnest(by_cause.profile_ids) from unnest(noted) as by_cause)
            )
            and case
                -- That is kept while it is refused.
                when pending_enrollment.released
                    then (pending_enrollment.profile_id, pending_enrollment.course_id) not in (
                        select still.profile_id, still.course_id
                        from unnest(waiting_ids, waiting_courses) as still(profile_id, course_id)
                    )
                else (pending_enrollment.profile_id, pending_enrollment.course_id, pending_enrollment.reason) not in (
                    select still.profile_id, still.course_id, still.waits_for
                    from unnest(waiting_ids, waiting_courses, waiting_for) as still(profile_id, course_id, waits_for)
                    where still.waits_for in ('full', 'held')
                )
            end;
        --: end
        if
            exists (
                select from listener.pending_enrollment where pending_enrollment.next_attempt_at < 'infinity'
            )
        then
            -- Who was set aside, and has nothing left to do by now.
            delete from listener.pending_enrollment
            where
                pending_enrollment.next_attempt_at < 'infinity'
                and pending_enrollment.profile_id = any (
                    array(
                        select led.id
                        from unnest(noted) as by_cause
                        cross join lateral unnest(by_cause.profile_ids) as led(id)
                        where led.id not in (select unnest(waiting_ids))
                    )
                );
        end if;
        if waiting_ids is not null then
            -- Once, for any number of reasons: people want to read of an error first.
            with waiting as (
                select distinct on (outcome.profile_id, outcome.course_id) outcome.*
                from unnest(waiting_ids, waiting_courses, waiting_for, waiting_causes, errors)
                as outcome(profile_id, course_id, waits_for, cause, error)
                order by outcome.profile_id, outcome.course_id, outcome.waits_for = 'failed' desc
            ),

            set_aside as (
                insert into listener.pending_enrollment (profile_id, course_id, reason, error, next_attempt_at, cause)
                select
                    waiting.profile_id,
                    waiting.course_id,
                    waiting.waits_for,
                    waiting.error,
                    case
                        when waiting.waits_for in ('no_course', 'full', 'held') then 'infinity'
                        -- The others wait for an attempt that takes long, so there is as long a pause ten times over.
                        when waiting.error like '57014%'
                            then clock_timestamp()
                                + greatest(interval '1 second', 10 * (clock_timestamp() - statement_timestamp()))
                        else clock_timestamp() + interval '1 second'
                    end,
                    waiting.cause
                from waiting
                on conflict do nothing
                returning
                    pending_enrollment.profile_id::text,
                    pending_enrollment.course_id::text,
                    pending_enrollment.reason,
                    pending_enrollment.error
            )

            select
                (select count(*) from set_aside),
                (select json_agg(shown) from (select * from set_aside limit most_shown) as shown)
            into pending, pending_students;
        end if;
    end if;
    --: if course_by_hand
    if courses_changed then
        -- Who waits for a course that was not there is due as soon as that course is. (A rule that is generated names
        -- courses that are there.)
        with missing as materialized (
            select distinct pending_enrollment.course_id
            from listener.pending_enrollment
            where
                pending_enrollment.reason = 'failed'
                and pending_enrollment.error = 'there is no course ' || pending_enrollment.course_id::text
        )

        update listener.pending_enrollment
        set next_attempt_at = clock_timestamp()
        where
            pending_enrollment.reason = 'failed'
            and pending_enrollment.error = 'there is no course ' || pending_enrollment.course_id::text
            and pending_enrollment.course_id = any (
                array(
                    select missing.course_id
                    from missing
                    where (listener.not_made(missing.course_id, '{}'))[1] <> 'failed'
                )
            );
    end if;
    --: end
    -- In seconds, as `noted_at`, when each profile was noted.
    settled_at := date_part('epoch', clock_timestamp());
    --: if takes_back
    -- Freed seats are among the notes that this batch made.
    notes_left := notes_left or coalesce(suspended + removed > 0, false);
    --: end
    --: if has_seats
    -- Somebody left, a course has more seats, or refuses somebody: the next in line moves up.
    woken := case when may_free_seats or pending > 0 then listener.wake_waiting() else 0 end;
    --: else
    woken := 0;
    --: end
    waited := settled_at - date_part('epoch', first_noted_at);
end;
$$;
