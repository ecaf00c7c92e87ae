-- Passing over: where a whole batch held nothing that moves a count, many notes (`most`) are handled at once, up to the
-- first that does, at a tenth of the cost of batches. Notes in flight at the last checkpoint that move a count come
-- first, and so does the rest of a transaction that was cut in two: both are left to the batches. No row, if there is
-- nothing to pass over.
create or replace function listener.pass_over(consumer_name text, most bigint)
returns table (changes bigint, notes_left boolean)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with last_checkpoint as materialized (
        select
            checkpoint.seq,
            checkpoint.handled,
            checkpoint.partial_xid,
            checkpoint.partial_id,
            checkpoint.first_ahead
        from listener.checkpoint
        where
            checkpoint.consumer = consumer_name
            and not exists (select from listener.pause where pause.consumer = consumer_name)
        order by checkpoint.seq desc
        limit 1
    ),

    own as materialized (
        select pg_current_xact_id_if_assigned() as xid
    ),

    walked as materialized (
        select
            count(*) as notes,
            -- Of what was handled ahead of its turn, that was said then.
            count(*) filter (where not note.is_ahead) as notes_handled,
            (
                select change.xid
                from listener.change
                where
                    change.xid >= pg_snapshot_xmax((select last_checkpoint.handled from last_checkpoint))
                    and change.xid is distinct from (select own.xid from own)
                order by change.xid
                limit 1
            ) as first_xid,
            -- By way of bigint: min(xid8) came with Postgres 15.
            (min(note.xid::text::bigint) filter (where note.moves_a_count and not note.is_ahead))::text::xid8
            as concerned_xid
        from (
            select
                change.xid,
                change.course_id is not null as moves_a_count,
                (change.xid >= (select last_checkpoint.first_ahead from last_checkpoint)) is true
                and (
                    select true from listener.ahead
                    where ahead.consumer = consumer_name and ahead.xid = change.xid
                ) is not null as is_ahead
            from listener.change
            where
                change.xid >= pg_snapshot_xmax((select last_checkpoint.handled from last_checkpoint))
                -- Notes of this very transaction are for a later one, as in a batch.
                and change.xid is distinct from (select own.xid from own)
            order by change.xid, change.id
            limit most
        ) as note
    ),

    -- All earlier notes can be passed over; if null, all visible notes.
    first_left as materialized (
        select
            coalesce(
                walked.concerned_xid,
                case
                    when walked.notes = most then (
                        select change.xid
                        from listener.change
                        where change.xid >= walked.first_xid and change.xid is distinct from (select own.xid from own)
                        order by change.xid, change.id
                        limit 1
                        offset most - 1
                    )
                end
            ) as xid
        from walked
    ),

    passed_over as materialized (
        select
            last_checkpoint.seq,
            last_checkpoint.handled,
            last_checkpoint.first_ahead,
            first_left.xid as first_left,
            case
                when first_left.xid is null then walked.notes_handled
                else (
                    select count(*)
                    from listener.change
                    where
                        change.xid >= walked.first_xid
                        and change.xid < first_left.xid
                        and change.xid is distinct from (select own.xid from own)
                        and (
                            (change.xid >= last_checkpoint.first_ahead) is not true
                            or (
                                select true from listener.ahead
                                where ahead.consumer = consumer_name and ahead.xid = change.xid
                            ) is null
                        )
                )
            end
            -- Who was in flight at the last checkpoint is handled now, too.
            + (
                select count(*)
                from listener.change
                where
                    change.xid = any (array(select pg_snapshot_xip(last_checkpoint.handled)))
                    and change.xid is distinct from (select own.xid from own)
                    and (
                        select true from listener.ahead
                        where ahead.consumer = consumer_name and ahead.xid = change.xid
                    ) is null
            )
            -- Of a transaction that was cut in two, the first part was handled by a batch.
            - (
                select count(*)
                from listener.change
                where change.xid = last_checkpoint.partial_xid and change.id <= last_checkpoint.partial_id
            ) as notes
        from last_checkpoint
        cross join walked
        cross join first_left
        where
            walked.notes > 0
            and (first_left.xid is null or first_left.xid > walked.first_xid)
            and not exists (
                select
                from pg_snapshot_xip(last_checkpoint.handled) as straggler(xid)
                cross join lateral (
                    select
                    from listener.change
                    where change.xid = straggler.xid and change.course_id is not null
                    limit 1
                ) as concerned
                where
                    straggler.xid is distinct from (select own.xid from own)
                    and (
                        select true from listener.ahead
                        where ahead.consumer = consumer_name and ahead.xid = straggler.xid
                    ) is null
            )
    ),

    next_checkpoint as (
        insert into listener.checkpoint (consumer, seq, handled, first_ahead, changes)
        select
            consumer_name,
            passed_over.seq + 1,
            case
                when passed_over.first_left is null then listener.seen(pg_current_snapshot())
                else listener.snapshot_through(
                    passed_over.handled, listener.seen(pg_current_snapshot()), passed_over.first_left, false
                )
            end,
            case when passed_over.first_left is not null then passed_over.first_ahead end,
            passed_over.notes
        from passed_over
        returning checkpoint.changes
    ),

    -- All of it is handled by now, also what was ahead.
    ahead_no_more as (
        delete from listener.ahead
        using passed_over
        where ahead.consumer = consumer_name and passed_over.first_ahead is not null and passed_over.first_left is null
    )

    select
        next_checkpoint.changes,
        passed_over.first_left is not null
    from passed_over
    cross join next_checkpoint;
end;
$$;

-- The same, for counting, and no other.
create or replace function listener.pass_over_counting(most bigint)
returns table (changes bigint, notes_left boolean)
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select passed_over.changes, passed_over.notes_left
    from listener.pass_over('count', most) as passed_over
$$;
