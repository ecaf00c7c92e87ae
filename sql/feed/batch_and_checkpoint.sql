-- How every consumer's statement begins. `batch` holds the notes to react to, `next_checkpoint` says that they
-- are handled; both belong to one transaction, so a batch is applied once or not at all. `seq + 1` is the fence:
-- of two who read the same checkpoint, one gets a unique violation, and nothing of its batch remains. A consumer that
-- is paused has no checkpoint to go on from, and so no batch.
with last_checkpoint as materialized (
    select
        checkpoint.seq,
        checkpoint.handled,
        checkpoint.partial_xid
    from listener.checkpoint
    where
        checkpoint.consumer = $1
        and not exists (select from listener.pause where pause.consumer = $1)
    order by checkpoint.seq desc
    limit 1
),

-- One note more than a batch can hold, to know if it is cut. While a transaction is cut in two, its rest alone.
read_ahead as materialized (
    select
        note.*,
        sum(note.weight) over feed_order as weight_so_far
    from (
        select
            unhandled.*,
            greatest(cardinality(unhandled.profile_ids), 1) as weight
        from listener.unhandled($1, $2 + 1) as unhandled
        cross join last_checkpoint
        where last_checkpoint.partial_xid is null or unhandled.xid = last_checkpoint.partial_xid
        order by unhandled.xid, unhandled.id
        limit $2 + 1
    ) as note
    window feed_order as (order by note.xid, note.id rows unbounded preceding)
),

-- At least one note, however much it weighs. (Not kept a second time: it is as cheap to pass over what is too much.)
batch as not materialized (
    select *
    from read_ahead
    where weight_so_far <= greatest($2, read_ahead.weight)
),

batch_size as materialized (
    select count(*) as changes
    from batch
),

last_read as (
    select xid, id
    from batch
    order by xid desc, id desc
    limit 1
),

first_left as (
    select xid
    from read_ahead
    where weight_so_far > greatest($2, read_ahead.weight)
    order by xid, id
    limit 1
),

cut as (
    select
        last_read.xid,
        last_read.id,
        first_left.xid is not null as notes_left,
        first_left.xid is not distinct from last_read.xid as inside_transaction
    from last_read
    left join first_left on true
),

next_checkpoint as (
    insert into listener.checkpoint (consumer, seq, handled, partial_xid, partial_id, changes)
    select
        $1,
        last_checkpoint.seq + 1,
        case
            when last_checkpoint.partial_xid is not null and cut.notes_left
                then last_checkpoint.handled
            when last_checkpoint.partial_xid is not null
                then listener.snapshot_with(last_checkpoint.handled, cut.xid)
            when cut.notes_left
                then listener.snapshot_through(
                    last_checkpoint.handled, pg_current_snapshot(), cut.xid, not cut.inside_transaction
                )
            else pg_current_snapshot()
        end,
        case when cut.inside_transaction then cut.xid end,
        case when cut.inside_transaction then cut.id end,
        batch_size.changes
    from last_checkpoint
    cross join cut
    cross join batch_size
    returning seq
),

-- What the daemon is told of the batch.
batch_summary as (
    select
        batch_size.changes,
        -- Only the rest of a transaction that was cut was read: there may be others.
        (
            select cut.notes_left or last_checkpoint.partial_xid is not null
            from cut
            cross join last_checkpoint
        ) as notes_left,
        (select next_checkpoint.seq from next_checkpoint) as seq
    from batch_size
)
