-- Whether these consumers ($1) have handled all that is visible in a snapshot ($2), whatever has been noted since; and how
-- far they are in the feed's order. Reads no more of the feed than lies between their checkpoints and the snapshot.
with last_checkpoint as (
    select last_checkpoint.*
    from listener.last_checkpoint
    where last_checkpoint.consumer = any ($1::text[])
)

select
    not exists (
        select
        from last_checkpoint
        cross join lateral (
            (
                select change.id
                from pg_snapshot_xip(last_checkpoint.handled) as straggler(xid)
                cross join lateral (
                    select change.id
                    from listener.change
                    where
                        change.xid = straggler.xid
                        and change.id > case
                            when straggler.xid = last_checkpoint.partial_xid then last_checkpoint.partial_id
                            else 0
                        end
                    limit 1
                ) as change
                where
                    pg_visible_in_snapshot(straggler.xid, ($2::text)::pg_snapshot)
                    and (
                        select true from listener.ahead
                        where ahead.consumer = last_checkpoint.consumer and ahead.xid = straggler.xid
                    ) is null
                limit 1
            )
            union all
            (
                select change.id
                from listener.change
                where
                    change.xid >= pg_snapshot_xmax(last_checkpoint.handled)
                    and change.xid < pg_snapshot_xmax(($2::text)::pg_snapshot)
                    and pg_visible_in_snapshot(change.xid, ($2::text)::pg_snapshot)
                    -- A transaction that was cut is the first of these, and its handled part is not walked past.
                    and (change.xid, change.id)
                    > (coalesce(last_checkpoint.partial_xid, '0'::xid8), coalesce(last_checkpoint.partial_id, 0))
                    and (
                        select true from listener.ahead
                        where ahead.consumer = last_checkpoint.consumer and ahead.xid = change.xid
                    ) is null
                limit 1
            )
        ) as unhandled
    ) as done,
    -- (Not the number of checkpoints: those of what is handled ahead of its turn move nothing here.)
    (
        select string_agg(concat_ws(' ', last_checkpoint.handled, last_checkpoint.partial_id), ', ' order by last_checkpoint.consumer)
        from last_checkpoint
    ) as progress
