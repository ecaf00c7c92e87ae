-- The reaction that counts: one batch of the feed, and its checkpoint. The deltas noted are summed per course, and each
-- course's count moves once. What cannot be moved is parked: the count of a course that somebody holds, or that is gone.
-- `singly` moves each on its own, so that an error parks that course's delta and is not the end of the batch; of
-- `most_shown` moves the row says which they are, for the log. `changes` is 0 if there is nothing to do. `fresh` and `looked`
-- are as those of `listener.enroll`.
create or replace function listener.count(
    most integer,
    singly boolean default false,
    most_shown integer default 0,
    fresh boolean default false,
    looked text default null,
    out changes bigint,
    out notes_left boolean,
    out seq bigint,
    out concerned boolean,
    out moved bigint,
    out moves json,
    out parked bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    most_in_turn integer := case when fresh then -1 else most end;
    seen_by_read pg_snapshot;
    read_after_seq bigint;
    taken_xids xid8[];
    end_xid xid8;
    end_id bigint;
    following_xid xid8;
    noted_courses {{course_key_type}}[];
    noted_deltas bigint[];
    moved_courses {{course_key_type}}[];
    problem_context text;
begin
    if pg_current_xact_id_if_assigned() is not null then
        perform listener.refuse_deferred();
    end if;
    -- Notes and snapshot come from one statement. Few notes, which is what there is nearly always, by a small one: each
    -- part of a statement is set up again each time.
    if not fresh then
        with note as materialized (
            select
                next_note.course_id,
                next_note.delta,
                next_note.weight,
                next_note.partial_xid,
                next_note.first_ahead,
                next_note.checkpoint_seq
            from (
                {{few_notes_of_count}}
            ) as next_note
        ),

        delta_per_course as materialized (
            select note.course_id, sum(note.delta)::bigint as delta
            from note
            where note.course_id is not null
            group by note.course_id
            having sum(note.delta) <> 0
            order by note.course_id
        )

        select
            listener.seen(pg_current_snapshot()),
            summary.*,
            array(select delta_per_course.course_id from delta_per_course),
            array(select delta_per_course.delta from delta_per_course)
        from (
            select
                count(*),
                min(note.checkpoint_seq),
                coalesce(
                    bool_or(num_nonnulls(note.partial_xid, note.first_ahead) > 0) or sum(note.weight) > least(most, 64), false
                )
            from note
        ) as summary
        into seen_by_read, changes, read_after_seq, notes_left, noted_courses, noted_deltas;
    end if;
    if fresh or notes_left then
        with note as materialized (
            select
                weighed_note.xid,
                weighed_note.id,
                weighed_note.course_id,
                weighed_note.delta,
                weighed_note.fits,
                weighed_note.is_last,
                weighed_note.partial_xid is not null as is_rest,
                weighed_note.checkpoint_seq
            from (
                {{weighed_notes_of_count}}
            ) as weighed_note
            union all
            select xid, id, course_id, delta, fits, is_last, is_rest, checkpoint_seq
            from listener.fresh('count', looked::pg_snapshot, most)
            where fresh
        ),

        delta_per_course as materialized (
            select note.course_id, sum(note.delta)::bigint as delta
            from note
            where note.fits and note.course_id is not null
            group by note.course_id
            having sum(note.delta) <> 0
            order by note.course_id
        )

        select
            listener.seen(pg_current_snapshot()),
            summary.*,
            array(select delta_per_course.course_id from delta_per_course),
            array(select delta_per_course.delta from delta_per_course)
        from (
            select
                count(*) filter (where note.fits),
                min(note.checkpoint_seq),
                fresh or coalesce(bool_or(note.is_rest or not note.fits), false),
                -- By way of bigint: min(xid8) came with Postgres 15.
                (min(note.xid::text::bigint) filter (where note.is_last))::text::xid8,
                min(note.id) filter (where note.is_last),
                (min(note.xid::text::bigint) filter (where not note.fits))::text::xid8,
                array(select distinct note.xid from note where fresh)
            from note
        ) as summary
        into
            seen_by_read, changes, read_after_seq, notes_left, end_xid, end_id, following_xid, taken_xids, noted_courses,
            noted_deltas;
        if changes > 0 and fresh then
            seq := listener.write_ahead('count', read_after_seq, taken_xids, changes);
        elsif changes > 0 then
            seq := listener.write_checkpoint(
                'count', read_after_seq, seen_by_read, changes, case when notes_left then end_xid end, end_id, following_xid
            );
        elsif not fresh then
            perform listener.close_ahead('count');
        end if;
    end if;
    -- Nothing is noted; or it is paused; or all that was left was handled ahead of its turn.
    if changes = 0 then
        return;
    end if;
    if seq is null then
        seq := read_after_seq + 1;
        insert into listener.checkpoint (consumer, seq, handled, changes) values ('count', seq, seen_by_read, changes);
    end if;
    concerned := cardinality(noted_courses) > 0;
    moved := 0;
    parked := 0;
    if not concerned then
        return;
    end if;
    if not singly then
        begin
            moved_courses := array(select listener.move_counts(noted_courses, noted_deltas));
        exception when assert_failure or query_canceled or others then
            get stacked diagnostics problem_context = pg_exception_context;
            perform listener.raise_again(sqlstate, sqlerrm, problem_context);
        end;
    end if;
    -- As a rule all have moved, and there is nothing to park.
    if cardinality(moved_courses) = cardinality(noted_courses) then
        moved := cardinality(noted_courses);
        select json_agg(json_build_object('course_id', move.course_id::text, 'delta', move.delta))
        from unnest(noted_courses[:most_shown], noted_deltas[:most_shown]) as move(course_id, delta)
        into moves;
        return;
    end if;
    with outcome as materialized (
        select
            noted.course_id,
            noted.delta,
            noted.course_id in (select unnest(moved_courses)) as is_moved,
            null as error
        from unnest(noted_courses, noted_deltas) as noted(course_id, delta)
        where not singly
        union all
        select attempt.course_id, attempt.delta, attempt.moved, attempt.error
        from listener.move_counts_singly(noted_courses, noted_deltas) as attempt
        where singly
    ),

    newly_parked as (
        insert into listener.pending_count (course_id, delta, error, next_attempt_at)
        select outcome.course_id, outcome.delta, outcome.error, clock_timestamp() + interval '100 milliseconds'
        from outcome
        where not outcome.is_moved
        on conflict (course_id) do update
        set
            delta = pending_count.delta + excluded.delta,
            error = excluded.error,
            -- A sum of zero, as when a course is gone and the last of the enrollments, is settled at once.
            next_attempt_at = case
                when pending_count.delta + excluded.delta = 0 then excluded.next_attempt_at
                else pending_count.next_attempt_at
            end
        returning pending_count.course_id
    )

    select
        (select count(*) from outcome where outcome.is_moved),
        (
            select json_agg(shown)
            from (
                select outcome.course_id::text as course_id, outcome.delta
                from outcome
                where outcome.is_moved
                limit most_shown
            ) as shown
        ),
        (select count(*) from newly_parked)
    into moved, moves, parked;
end;
$$;
