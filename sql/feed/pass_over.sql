-- Passing over: where a whole batch held nothing that concerns a consumer ($1), many notes ($2) are handled at once, up to
-- the first that does, at a tenth of what it takes to read them as batches. What was in flight when the checkpoint was
-- taken, and does concern it, comes first, and so does the rest of a transaction that was cut in two: that is left to the
-- batches.
with last_checkpoint as materialized (
    select
        checkpoint.seq,
        checkpoint.handled
    from listener.checkpoint
    where
        checkpoint.consumer = $1
        and not exists (select from listener.pause where pause.consumer = $1)
    order by checkpoint.seq desc
    limit 1
),

walked as materialized (
    select
        count(*) as notes,
        min(note.xid) as first_xid,
        max(note.xid) as last_xid,
        min(note.xid) filter (where note.concerned) as concerned_xid
    from (
        select change.xid, {{concerned}} as concerned
        from listener.change
        where change.xid >= pg_snapshot_xmax((select last_checkpoint.handled from last_checkpoint))
        order by change.xid, change.id
        limit $2
    ) as note
),

-- Whatever comes before it can be passed over; if it is null, all that can be seen.
first_left as materialized (
    select coalesce(walked.concerned_xid, case when walked.notes = $2 then walked.last_xid end) as xid
    from walked
),

passed_over as materialized (
    select
        last_checkpoint.seq,
        last_checkpoint.handled,
        first_left.xid as first_left,
        case
            when first_left.xid is null then walked.notes
            else (
                select count(*)
                from listener.change
                where change.xid >= walked.first_xid and change.xid < first_left.xid
            )
        end as notes
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
                where change.xid = straggler.xid and {{concerned}}
                limit 1
            ) as concerned
        )
),

next_checkpoint as (
    insert into listener.checkpoint (consumer, seq, handled, changes)
    select
        $1,
        passed_over.seq + 1,
        case
            when passed_over.first_left is null then pg_current_snapshot()
            else listener.snapshot_through(
                passed_over.handled, pg_current_snapshot(), passed_over.first_left, false
            )
        end,
        passed_over.notes
    from passed_over
    returning checkpoint.changes
)

select
    next_checkpoint.changes,
    passed_over.first_left is not null as notes_left
from passed_over
cross join next_checkpoint
