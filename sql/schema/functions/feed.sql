-- Sessions take numbers twenty at a time: otherwise all writers would meet at the sequence's page. (The numbers' order
-- matters only within a transaction, which belongs to one session.)
alter table listener.change alter column id set cache 20;

-- The algebra of checkpoints. A checkpoint's `handled` reads like any snapshot: a transaction is handled if and only if
-- visible in `handled`. (A transaction cut in two by a batch is not, until finished.)

-- All transactions below `upper_bound`, but for those still open.
create or replace function listener.snapshot_of(upper_bound xid8, still_open xid8[])
returns pg_snapshot
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select format(
        '%s:%s:%s',
        coalesce((array_agg(straggler.xid order by straggler.xid))[1], upper_bound),
        upper_bound,
        string_agg(straggler.xid::text, ',' order by straggler.xid)
    )::pg_snapshot
    from (select distinct open.xid from unnest(still_open) as open(xid)) as straggler
$$;

-- This transaction may still write notes, so its own number is never handled. A snapshot does not list its own
-- transaction as running: once a higher number has ended, that snapshot calls its own number visible. Every checkpoint
-- is made from a snapshot that went through here; a consumer leaves notes of its own transaction for later
-- (`feed/notes_after`). (A number that this transaction gets after the snapshot is beyond the snapshot.)
create or replace function listener.seen(snapshot pg_snapshot)
returns pg_snapshot
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    if pg_current_xact_id_if_assigned() < pg_snapshot_xmax(snapshot) then
        return listener.snapshot_of(
            pg_snapshot_xmax(snapshot), array(select pg_snapshot_xip(snapshot)) || pg_current_xact_id_if_assigned()
        );
    end if;
    return snapshot;
end;
$$;

-- All transactions visible in `seen` below `last_xid` are handled, and `last_xid` itself if the batch held the whole
-- transaction.
create or replace function listener.snapshot_through(
    handled pg_snapshot, seen pg_snapshot, last_xid xid8, whole boolean
)
returns pg_snapshot
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select listener.snapshot_of(
        greatest(
            pg_snapshot_xmax(handled), case when whole then (last_xid::text::bigint + 1)::text::xid8 else last_xid end
        ),
        array(
            select old_straggler.xid
            from pg_snapshot_xip(handled) as old_straggler(xid)
            where old_straggler.xid > last_xid or (old_straggler.xid = last_xid and not whole)
            union all
            select in_flight.xid
            from pg_snapshot_xip(seen) as in_flight(xid)
            where in_flight.xid < last_xid
        )
    )
$$;

-- `finished`, and no other transaction, is handled too: a straggler of `handled`, or the first transaction beyond.
create or replace function listener.snapshot_with(handled pg_snapshot, finished xid8)
returns pg_snapshot
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select listener.snapshot_of(
        greatest(pg_snapshot_xmax(handled), (finished::text::bigint + 1)::text::xid8),
        array(select straggler.xid from pg_snapshot_xip(handled) as straggler(xid) where straggler.xid <> finished)
    )
$$;

-- Of the handled transactions, only those before `first_xid` stay handled.
create or replace function listener.snapshot_before(handled pg_snapshot, first_xid xid8)
returns pg_snapshot
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select listener.snapshot_of(
        least(pg_snapshot_xmax(handled), first_xid),
        array(select straggler.xid from pg_snapshot_xip(handled) as straggler(xid) where straggler.xid < first_xid)
    )
$$;

-- The progress of each consumer, installed consumers too: a row for each, with nulls without a checkpoint.
create view listener.last_checkpoint as
select
    consumer.name as consumer,
    latest.seq,
    latest.handled,
    latest.partial_xid,
    latest.partial_id,
    latest.first_ahead,
    latest.at
from (
    select unnest(array['enroll', 'count']) as name
    union all
    select reaction.name from listener.reaction
) as consumer
left join lateral (
    select
        checkpoint.seq,
        checkpoint.handled,
        checkpoint.partial_xid,
        checkpoint.partial_id,
        checkpoint.first_ahead,
        checkpoint.at
    from listener.checkpoint
    where checkpoint.consumer = consumer.name
    order by checkpoint.seq desc
    limit 1
) as latest on true;

-- The notes that a consumer has not handled, but for notes of transaction `left_out`; at most so many of each branch,
-- so that a batch never sorts the whole backlog.
create or replace function listener.unhandled(
    consumer_name text, at_most bigint default null, left_out xid8 default null
)
returns setof listener.change
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    return query
    select note.*
    from (
        select checkpoint.handled, checkpoint.partial_xid, checkpoint.partial_id, checkpoint.first_ahead
        from listener.checkpoint
        where checkpoint.consumer = consumer_name
        order by checkpoint.seq desc
        limit 1
    ) as last_checkpoint
    cross join lateral (
        {{notes_unhandled}}
    ) as note;
end;
$$;
