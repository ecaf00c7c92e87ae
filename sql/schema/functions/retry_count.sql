-- Parked deltas: applied as soon as the course row is free again, `most` at once. After a success, deltas refused for
-- the same reason are due at once. None is due while counting is paused.
create or replace function listener.retry_count(
    most integer,
    most_shown integer default 0,
    out tried bigint,
    out settled bigint,
    out moved bigint,
    out moves json,
    out parked bigint,
    out next_in double precision
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    due_courses {{course_key_type}}[];
    due_deltas bigint[];
    moved_courses {{course_key_type}}[];
    is_refused boolean;
    problem text;
    problem_context text;
    looked_at timestamptz := clock_timestamp();
begin
    if pg_current_xact_id_if_assigned() is not null then
        perform listener.refuse_deferred();
    end if;
    -- Those that were refused more often come last, so that a slow one delays no other.
    select
        coalesce(array_agg(due.course_id order by due.error is not null, due.attempts, due.course_id), '{}'),
        coalesce(array_agg(due.delta order by due.error is not null, due.attempts, due.course_id), '{}'),
        -- Or a trigger of the LMS's keeps a count in silence, which only shows where each is moved separately.
        coalesce(bool_or(due.error is not null or due.attempts > 3), false)
        or coalesce(current_setting('listener.put_off', true), '') = 'on'
    from (
        select by_now.*
        from (
            select pending_count.course_id, pending_count.delta, pending_count.error, pending_count.attempts
            from listener.pending_count
            where
                pending_count.next_attempt_at <= looked_at
                and not exists (select from listener.pause where pause.consumer = 'count')
            order by pending_count.next_attempt_at
            limit most
            for update skip locked
        ) as by_now
        union all
        -- Further away than any next attempt is: the server's clock has gone back since.
        select by_another_clock.*
        from (
            select pending_count.course_id, pending_count.delta, pending_count.error, pending_count.attempts
            from listener.pending_count
            where
                pending_count.next_attempt_at > looked_at + interval '2 minutes'
                and not exists (select from listener.pause where pause.consumer = 'count')
            order by pending_count.next_attempt_at
            limit most
            for update skip locked
        ) as by_another_clock
    ) as due
    into due_courses, due_deltas, is_refused;
    -- Together first: a single statement for all. A refused delta is found by moving each separately; but a cancel that
    -- was caught leaves this statement without a time limit, so that this is left to the next statement.
    if not is_refused then
        begin
            moved_courses := array(select listener.move_counts(due_courses, due_deltas));
        exception when assert_failure or query_canceled or others then
            get stacked diagnostics problem_context = pg_exception_context;
            if sqlstate = '57014' and not listener.was_raised(problem_context) then
                problem := listener.error_text(sqlstate, sqlerrm);
            else
                is_refused := true;
            end if;
        end;
    end if;
    with due as materialized (
        select noted.course_id, noted.delta
        from unnest(due_courses, due_deltas) as noted(course_id, delta)
    ),

    outcome as materialized (
        select
            due.course_id,
            due.delta,
            due.delta = 0 or due.course_id in (select unnest(moved_courses)) as is_settled,
            problem as error
        from due
        where not is_refused
        union all
        select attempt.course_id, attempt.delta, attempt.moved, attempt.error
        from listener.move_counts_singly(due_courses, due_deltas) as attempt
        where is_refused
    ),

    -- All are there, and conflict: so each is found by key, which a join would leave to the planner.
    still_parked as (
        insert into listener.pending_count (course_id, delta, error, next_attempt_at)
        select outcome.course_id, outcome.delta, outcome.error, clock_timestamp()
        from outcome
        where not outcome.is_settled
        on conflict (course_id) do update
        set
            error = excluded.error,
            attempts = pending_count.attempts + 1,
            next_attempt_at = clock_timestamp()
            + least(interval '1 minute', interval '100 milliseconds' * 2 ^ least(pending_count.attempts, 10))
        returning pending_count.course_id
    ),

    applied as (
        delete from listener.pending_count
        where
            pending_count.course_id = any (array(select outcome.course_id from outcome where outcome.is_settled))
        returning pending_count.course_id, pending_count.delta, pending_count.error
    ),

    -- The cause of these refusals is over: so it is, most likely, for other courses with the same error.
    mended as materialized (
        select distinct applied.error
        from applied
        where applied.delta <> 0 and (applied.error like 'put off: the session%') is not true
        limit 20
    ),

    hurried as (
        update listener.pending_count
        set next_attempt_at = looked_at
        where
            pending_count.course_id = any (
                array(
                    select later.course_id
                    from (
                        select pending_count.course_id, pending_count.error
                        from listener.pending_count
                        where
                            pending_count.next_attempt_at > looked_at
                            and pending_count.next_attempt_at <= looked_at + interval '2 minutes'
                            and exists (select from mended)
                        order by pending_count.next_attempt_at
                        limit 5 * most
                    ) as later
                    where exists (select from mended where mended.error is not distinct from later.error)
                )
            )
    )

    select
        (select count(*) from due),
        (select count(*) from applied),
        (select count(*) from applied where applied.delta <> 0),
        (
            select json_agg(shown)
            from (
                select applied.course_id::text as course_id, applied.delta
                from applied
                where applied.delta <> 0
                limit most_shown
            ) as shown
        ),
        (select count(*) from still_parked)
    into tried, settled, moved, moves, parked;
    next_in := (
        select greatest(extract(epoch from pending_count.next_attempt_at - clock_timestamp()), 0)::float8
        from listener.pending_count
        order by pending_count.next_attempt_at
        limit 1
    );
end;
$$;
