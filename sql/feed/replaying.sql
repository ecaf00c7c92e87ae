-- A consumer that handles again all notes since some moment.

-- name: moment_of_time
-- A moment that a person named, or null if the moment has no date.
select moment.at
from (select ($1::text)::timestamptz as at) as moment
where isfinite(moment.at);

-- name: moment_ago
-- The moment that was so long ago, or null if the moment has no date.
select moment.at
from (select clock_timestamp() - ($1::text)::interval as at) as moment
where isfinite(moment.at);

-- name: look
-- The transaction with which a consumer ($1) would begin again, to handle all notes since a moment ($2): the first
-- transaction, by number, with a note since. How many notes from there on the consumer has handled, and whether some
-- notes since are purged.
with last_checkpoint as materialized (
    select last_checkpoint.*
    from listener.last_checkpoint
    where last_checkpoint.consumer = $1
),

first_since as materialized (
    select change.xid
    from listener.change
    where change.at >= $2
    order by change.xid
    limit 1
)

select
    (select first_since.xid::text from first_since) as first_xid,
    pg_current_snapshot()::text as seen,
    (
        select count(*)
        from listener.change
        cross join last_checkpoint
        where
            change.xid >= (select first_since.xid from first_since)
            and (
                pg_visible_in_snapshot(change.xid, last_checkpoint.handled)
                or (change.xid = last_checkpoint.partial_xid and change.id <= last_checkpoint.partial_id)
                or (
                    select true from listener.ahead where ahead.consumer = $1 and ahead.xid = change.xid
                )
            )
    ) as notes,
    purged.latest_note_at >= $2 as is_purged,
    purged.latest_note_at as purged_until,
    purged.latest_note_at + interval '1 microsecond' as kept_from
from listener.purged
where purged.only_row;

-- name: lock
-- For a moment no batch is at work, and no note is purged: the next batch or purge sees the commit of the caller. Each
-- statement that reads a batch looks for pauses first, and takes a snapshot after that.
set local lock_timeout = '200ms';
lock table listener.pause in access exclusive mode;
lock table listener.purged in share row exclusive mode;

-- name: set_back
-- Sets a consumer ($1) back, to begin again with a transaction ($3), which was found in a snapshot ($4) to be the first
-- with a note since a moment ($2). A transaction in flight then, and handled by now, is handled again, too. Nothing
-- happens if notes since that moment are purged by now. `seq + 1` is the fence, as for a batch.
with last_checkpoint as materialized (
    select last_checkpoint.*
    from listener.last_checkpoint
    where last_checkpoint.consumer = $1
),

-- (Looked up one by one: a join would be planned as a walk through the whole feed.)
straggler_since as (
    select note.xid
    from pg_snapshot_xip(($4::text)::pg_snapshot) as straggler(xid)
    cross join last_checkpoint
    cross join lateral (
        select change.xid
        from listener.change
        where change.xid = straggler.xid and change.at >= $2
        order by change.xid, change.id
        limit 1
    ) as note
    where
        pg_visible_in_snapshot(straggler.xid, last_checkpoint.handled)
        or straggler.xid = last_checkpoint.partial_xid
        or (select true from listener.ahead where ahead.consumer = $1 and ahead.xid = straggler.xid)
    order by note.xid
    limit 1
),

first_again as (
    select least(($3::text)::xid8, (select straggler_since.xid from straggler_since)) as xid
),

set_back as (
    insert into listener.checkpoint (consumer, seq, handled, partial_xid, partial_id, first_ahead)
    select
        $1,
        last_checkpoint.seq + 1,
        listener.snapshot_before(last_checkpoint.handled, first_again.xid),
        case when last_checkpoint.partial_xid < first_again.xid then last_checkpoint.partial_xid end,
        case when last_checkpoint.partial_xid < first_again.xid then last_checkpoint.partial_id end,
        last_checkpoint.first_ahead
    from last_checkpoint
    cross join first_again
    where exists (select from listener.purged where purged.only_row and purged.latest_note_at < $2)
    returning checkpoint.seq
),

ahead_no_more as (
    delete from listener.ahead
    using set_back, first_again
    where ahead.consumer = $1 and ahead.xid >= first_again.xid
)

select set_back.seq
from set_back
cross join pg_notify($5, $6);
