-- Sets a consumer ($1) back: it begins again with a transaction ($3), which was found in a snapshot ($4) to be the first that
-- noted something since a moment ($2). Whoever was in flight then, and is handled by now, is handled again, too. Nothing
-- happens if notes since that moment are purged by now. `seq + 1` is the fence, as it is for a batch.
with last_checkpoint as materialized (
    select
        checkpoint.seq,
        checkpoint.handled,
        checkpoint.partial_xid,
        checkpoint.partial_id
    from listener.checkpoint
    where checkpoint.consumer = $1
    order by checkpoint.seq desc
    limit 1
),

-- (Looked up one by one: as a join it would be planned as a walk through the whole feed.)
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
    order by note.xid
    limit 1
),

first_again as (
    select least(($3::text)::xid8, (select straggler_since.xid from straggler_since)) as xid
),

set_back as (
    insert into listener.checkpoint (consumer, seq, handled, partial_xid, partial_id)
    select
        $1,
        last_checkpoint.seq + 1,
        listener.snapshot_before(last_checkpoint.handled, first_again.xid),
        case when last_checkpoint.partial_xid < first_again.xid then last_checkpoint.partial_xid end,
        case when last_checkpoint.partial_xid < first_again.xid then last_checkpoint.partial_id end
    from last_checkpoint
    cross join first_again
    where exists (select from listener.purged where purged.only_row and purged.latest_note_at < $2)
    returning checkpoint.seq
)

select set_back.seq
from set_back
cross join pg_notify($5, $6)
