-- Sessions take numbers twenty at a time: the sequence's page is not to be where all writers meet. (Their order matters
-- within a transaction only, which is one session's.)
alter table listener.change alter column id set cache 20;

-- The algebra of checkpoints. A checkpoint's `handled` reads like any snapshot: a transaction is handled
-- if and only if it is visible in it. (A transaction cut in two by a batch is not, until it is finished.)

-- Everything visible in `seen` below `last_xid` is handled, and `last_xid` itself if the batch held the whole of it.
create or replace function listener.snapshot_through(
    handled pg_snapshot, seen pg_snapshot, last_xid xid8, whole boolean
)
returns pg_snapshot
language sql immutable parallel safe
as $$
    with upper_bound as (
        select greatest(
            pg_catalog.pg_snapshot_xmax(handled),
            case when whole then (last_xid::text::bigint + 1)::text::xid8 else last_xid end
        ) as xid
    ),
    still_open as (
        select old_straggler.xid
        from pg_catalog.pg_snapshot_xip(handled) as old_straggler(xid)
        where old_straggler.xid > last_xid or (old_straggler.xid = last_xid and not whole)
        union
        select in_flight.xid
        from pg_catalog.pg_snapshot_xip(seen) as in_flight(xid)
        where in_flight.xid < last_xid
    )
    select pg_catalog.format(
        '%s:%s:%s',
        coalesce((select still_open.xid from still_open order by still_open.xid limit 1), upper_bound.xid),
        upper_bound.xid,
        (select pg_catalog.string_agg(still_open.xid::text, ',' order by still_open.xid) from still_open)
    )::pg_snapshot
    from upper_bound
$$;

-- `finished`, and it alone, is handled too. It is a straggler of `handled`, or the first transaction beyond it.
create or replace function listener.snapshot_with(handled pg_snapshot, finished xid8)
returns pg_snapshot
language sql immutable parallel safe
as $$
    with upper_bound as (
        select greatest(
            pg_catalog.pg_snapshot_xmax(handled), (finished::text::bigint + 1)::text::xid8
        ) as xid
    ),
    still_open as (
        select straggler.xid
        from pg_catalog.pg_snapshot_xip(handled) as straggler(xid)
        where straggler.xid <> finished
    )
    select pg_catalog.format(
        '%s:%s:%s',
        coalesce((select still_open.xid from still_open order by still_open.xid limit 1), upper_bound.xid),
        upper_bound.xid,
        (select pg_catalog.string_agg(still_open.xid::text, ',' order by still_open.xid) from still_open)
    )::pg_snapshot
    from upper_bound
$$;

-- Of what is handled, only what transactions before `first_xid` noted still is.
create or replace function listener.snapshot_before(handled pg_snapshot, first_xid xid8)
returns pg_snapshot
language sql immutable parallel safe
as $$
    with upper_bound as (
        select least(pg_catalog.pg_snapshot_xmax(handled), first_xid) as xid
    ),
    still_open as (
        select straggler.xid
        from pg_catalog.pg_snapshot_xip(handled) as straggler(xid)
        where straggler.xid < first_xid
    )
    select pg_catalog.format(
        '%s:%s:%s',
        coalesce((select still_open.xid from still_open order by still_open.xid limit 1), upper_bound.xid),
        upper_bound.xid,
        (select pg_catalog.string_agg(still_open.xid::text, ',' order by still_open.xid) from still_open)
    )::pg_snapshot
    from upper_bound
$$;

-- The notes that a consumer has not handled. With `at_most`, the first so many of each branch, so that a
-- batch never sorts the whole backlog.
create or replace function listener.unhandled(consumer_name text, at_most bigint default null)
returns setof listener.change
language sql stable
as $$
    select note.*
    from (
        select checkpoint.handled, checkpoint.partial_xid, checkpoint.partial_id
        from listener.checkpoint
        where checkpoint.consumer = consumer_name
        order by checkpoint.seq desc
        limit 1
    ) as last_checkpoint
    cross join lateral (
        (
            -- the rest of a transaction that the last batch cut in two
            select change.*
            from listener.change
            where change.xid = last_checkpoint.partial_xid and change.id > last_checkpoint.partial_id
            order by change.xid, change.id
            limit at_most
        )
        union all
        (
            -- stragglers: in flight when the checkpoint was taken. Looked up one by one: as a join it would be planned
            -- as a walk through the whole feed.
            select straggler_note.*
            from pg_catalog.pg_snapshot_xip(last_checkpoint.handled) as straggler(xid)
            cross join lateral (
                select change.*
                from listener.change
                where change.xid = straggler.xid
                order by change.xid, change.id
                limit at_most
            ) as straggler_note
            where straggler.xid is distinct from last_checkpoint.partial_xid
            order by straggler_note.xid, straggler_note.id
            limit at_most
        )
        union all
        (
            -- whatever began after the checkpoint was taken. (A transaction that was cut is a straggler, or the first
            -- of these: a range that begins behind it does not walk its notes again and again.)
            select change.*
            from listener.change
            where
                change.xid >= pg_catalog.pg_snapshot_xmax(last_checkpoint.handled)
                and change.xid > coalesce(last_checkpoint.partial_xid, '0'::xid8)
            order by change.xid, change.id
            limit at_most
        )
    ) as note
$$;
