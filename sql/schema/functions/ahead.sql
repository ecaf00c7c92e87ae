-- The express lane: while a consumer has a backlog, what is fresh and small is handled ahead of its turn, between two batches.
-- It is handled once: its transactions are remembered in `listener.ahead` until the feed's order has come to their end, and
-- no batch reads them again.

-- The notes of transactions that are fresh, which is not handled, and began since the last such look (`looked`; at first, since
-- the checkpoint), or were in flight then; and small, of no more than 8 profiles, and no route, which may lead to many. The
-- newest come first, and weigh no more than `most` together: the others wait for their turn. However long the backlog is, no
-- more than `most` transactions are looked at, and of each no more than nine notes. No transaction is taken that is this one, for
-- it may note more, or that a batch has cut in two. Those that hold nothing for a consumer are left. Where courses have seats,
-- nobody is enrolled ahead of those who came before.
create or replace function listener.fresh(consumer_name text, looked pg_snapshot, most bigint)
returns table (  -- as those of `listener.batch`
    xid xid8,
    id bigint,
    at timestamptz,
    source text,
    operation text,
    profile_ids {{profile_key_type}}[],
    course_id {{course_key_type}},
    delta bigint,
    route text,
    keys text[],
    weight bigint,
    fits boolean,
    is_last boolean,
    is_rest boolean,
    checkpoint_seq bigint
)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with recursive last_checkpoint as materialized (
        select
            checkpoint.seq,
            checkpoint.handled,
            checkpoint.partial_xid,
            checkpoint.first_ahead,
            coalesce(fresh.looked, checkpoint.handled) as since,
            pg_current_xact_id_if_assigned() as own_xid
        from listener.checkpoint
        where
            checkpoint.consumer = consumer_name
            and not exists (select from listener.pause where pause.consumer = consumer_name)
            --: if has_seats
            and consumer_name <> 'enroll'
            --: end
        order by checkpoint.seq desc
        limit 1
    ),

    newest as (
        select
            (
                select change.xid
                from listener.change
                where change.xid >= pg_snapshot_xmax(last_checkpoint.since)
                order by change.xid desc, change.id desc
                limit 1
            ) as found_xid,
            1 as place
        from last_checkpoint
        union all
        select
            (
                select change.xid
                from listener.change
                where change.xid < newest.found_xid and change.xid >= pg_snapshot_xmax(last_checkpoint.since)
                order by change.xid desc, change.id desc
                limit 1
            ),
            newest.place + 1
        from newest
        cross join last_checkpoint
        where newest.found_xid is not null and newest.place < most
    ),

    candidate as materialized (
        select newest.found_xid, newest.place
        from newest
        where newest.found_xid is not null
        union all
        select straggler.found_xid, 0
        from last_checkpoint
        cross join lateral pg_snapshot_xip(last_checkpoint.since) as straggler(found_xid)
    ),

    small as materialized (
        select
            candidate.found_xid,
            last_checkpoint.seq,
            sum(written.notes_weight) over (order by candidate.place, candidate.found_xid) as weight_so_far
        from last_checkpoint
        cross join candidate
        cross join lateral (
            select
                sum(note.note_weight) as notes_weight,
                bool_or(note.is_routed) as is_routed,
                bool_or(note.concerns) as concerns
            from (
                select
                    greatest(cardinality(change.profile_ids), 1) as note_weight,
                    change.route is not null as is_routed,
                    case consumer_name
                        when 'enroll' then change.profile_ids is not null
                        when 'count' then change.delta is not null
                        else true
                    end as concerns
                from listener.change
                where change.xid = candidate.found_xid
                order by change.xid, change.id
                limit 9
            ) as note
        ) as written
        where
            candidate.found_xid is distinct from last_checkpoint.own_xid
            and candidate.found_xid is distinct from last_checkpoint.partial_xid
            and not pg_visible_in_snapshot(candidate.found_xid, last_checkpoint.handled)
            and (
                (candidate.found_xid >= last_checkpoint.first_ahead) is not true
                or (
                    select true from listener.ahead
                    where ahead.consumer = consumer_name and ahead.xid = candidate.found_xid
                ) is null
            )
            and written.notes_weight <= 8
            and written.concerns
            and not written.is_routed
    )

    select
        note.xid,
        note.id,
        note.at,
        note.source,
        note.operation,
        note.profile_ids,
        note.course_id,
        note.delta,
        note.route,
        note.keys,
        greatest(cardinality(note.profile_ids), 1)::bigint,
        true,
        false,
        false,
        small.seq
    from small
    cross join lateral (
        select change.*
        from listener.change
        where change.xid = small.found_xid
        order by change.xid, change.id
        limit 9
    ) as note
    where small.weight_so_far <= most;
end;
$$;

-- Says that these transactions are handled ahead of their turn; returns the checkpoint's number, which is the fence, as that of
-- a batch is. Of the feed's order it says what the one before it said.
create or replace function listener.write_ahead(consumer_name text, after_seq bigint, xids xid8[], changes bigint)
returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    insert into listener.checkpoint (consumer, seq, handled, partial_xid, partial_id, first_ahead, changes)
    select
        consumer_name,
        after_seq + 1,
        checkpoint.handled,
        checkpoint.partial_xid,
        checkpoint.partial_id,
        least(checkpoint.first_ahead, (select taken.xid from unnest(xids) as taken(xid) order by taken.xid limit 1)),
        write_ahead.changes
    from listener.checkpoint
    where checkpoint.consumer = consumer_name and checkpoint.seq = after_seq;
    insert into listener.ahead (consumer, xid)
    select consumer_name, taken.xid
    from unnest(xids) as taken(xid);
    return after_seq + 1;
end;
$$;

-- The number of a consumer's last checkpoint, if whatever it has not handled in the feed's order was handled ahead of its turn.
-- No row, otherwise, or if it is paused.
create or replace function listener.ahead_of_all(consumer_name text) returns setof bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return query
    select last_checkpoint.seq
    from listener.last_checkpoint
    where
        last_checkpoint.consumer = consumer_name
        and last_checkpoint.first_ahead is not null
        and not exists (select from listener.pause where pause.consumer = consumer_name)
        and not exists (select from listener.unhandled(consumer_name, 1, pg_current_xact_id_if_assigned()));
end;
$$;

-- Then the feed's order has come to the end of what is ahead: that need not be remembered any more.
create or replace function listener.close_ahead(consumer_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    with closed as (
        insert into listener.checkpoint (consumer, seq, handled)
        select consumer_name, last_checkpoint.seq + 1, listener.seen(pg_current_snapshot())
        from listener.ahead_of_all(consumer_name) as last_checkpoint(seq)
        returning checkpoint.seq
    )

    delete from listener.ahead
    where ahead.consumer = consumer_name and exists (select from closed);
end;
$$;

-- For a reaction that somebody installed, and no other: `listener.write_ahead`.
create or replace function listener.fresh_is_handled(reaction_name text, after_seq bigint, xids xid8[], changes bigint)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform listener.expect_installed(reaction_name);
    return listener.write_ahead(reaction_name, after_seq, xids, changes);
end;
$$;
