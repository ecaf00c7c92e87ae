-- Where a consumer ($1) would begin again, were it to handle whatever was noted since a moment ($2): with the first of the
-- transactions, by their numbers, that noted something since. How many notes it has handled that come from there on, and
-- whether some that were noted since are purged.
with last_checkpoint as materialized (
    select
        checkpoint.handled,
        checkpoint.partial_xid,
        checkpoint.partial_id
    from listener.checkpoint
    where checkpoint.consumer = $1
    order by checkpoint.seq desc
    limit 1
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
            )
    ) as notes,
    purged.latest_note_at >= $2 as is_purged,
    purged.latest_note_at as purged_until,
    purged.latest_note_at + interval '1 microsecond' as kept_from
from listener.purged
where purged.only_row
