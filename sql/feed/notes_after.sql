-- The notes that `last_checkpoint` does not call handled; the first {{at_most}} of each branch, so that a batch never sorts the
-- whole backlog. {{left_out}} is a transaction whose notes are left for later, or null: a consumer leaves out its own. (Part of
-- each statement that reads the feed, and no function: a call would cost as much as a fifth of a sign-up's reaction.)
-- Transactions that were handled ahead of their turn are left out, too, but by the smallest statement: it only learns that
-- there are some, and leaves the batch to a larger one.
(
    -- the rest of a transaction that the last batch cut in two
    select change.*
    from listener.change
    where change.xid = last_checkpoint.partial_xid and change.id > last_checkpoint.partial_id
    order by change.xid, change.id
    limit {{at_most}}
)
union all
(
    -- stragglers: in flight when the checkpoint was taken. Looked up one by one: a join would be planned as a walk
    -- through the whole feed.
    select straggler_note.*
    from pg_snapshot_xip(last_checkpoint.handled) as straggler(xid)
    cross join lateral (
        select change.*
        from listener.change
        where change.xid = straggler.xid
        order by change.xid, change.id
        limit {{at_most}}
    ) as straggler_note
    where
        straggler.xid is distinct from last_checkpoint.partial_xid
        and straggler.xid is distinct from {{left_out}}{{straggler_is_left}}
    order by straggler_note.xid, straggler_note.id
    limit {{at_most}}
)
union all
(
    -- transactions that began after the checkpoint was taken. (A transaction that was cut is a straggler, or the first
    -- here: a range that begins behind the cut transaction does not walk the same notes again and again.)
    select change.*
    from listener.change
    where
        change.xid >= pg_snapshot_xmax(last_checkpoint.handled)
        and change.xid > coalesce(last_checkpoint.partial_xid, '0'::xid8)
        and change.xid is distinct from {{left_out}}{{change_is_left}}
    order by change.xid, change.id
    limit {{at_most}}
)
