-- The beginning of an installed reaction's statement. `batch` holds the notes to react to, `next_checkpoint` says that
-- the notes are handled; both belong to a single transaction, so a batch is applied once or not at all. Notes,
-- snapshot, and all that the reaction looks up, are of the same moment.
with read_ahead as materialized (
    select batch.*
    from listener.batch($1, $2) as batch
    -- (Also asked here, and not only in the function: so a statement that waits for a command with a lock on the table
    -- takes a snapshot after the wait.)
    where not exists (select from listener.pause where pause.consumer = $1)
),

batch_end as (
    select
        count(*) filter (where read_ahead.fits) as changes,
        -- Only the rest of a transaction that was cut was read: there may be others.
        bool_or(read_ahead.is_rest or not read_ahead.fits) filter (where read_ahead.xid is not null) as notes_left,
        min(read_ahead.checkpoint_seq) as checkpoint_seq,
        -- By way of bigint: min(xid8) came with Postgres 15.
        (min(read_ahead.xid::text::bigint) filter (where read_ahead.is_last))::text::xid8 as last_xid,
        min(read_ahead.id) filter (where read_ahead.is_last) as last_id,
        (min(read_ahead.xid::text::bigint) filter (where not read_ahead.fits))::text::xid8 as next_xid
    from read_ahead
),

next_checkpoint as materialized (
    select
        listener.batch_is_handled(
            $1,
            batch_end.checkpoint_seq,
            listener.seen(pg_current_snapshot()),
            batch_end.changes,
            case when batch_end.notes_left then batch_end.last_xid end,
            batch_end.last_id,
            batch_end.next_xid
        ) as seq
    from batch_end
    -- (With no note in it, but a checkpoint: all that is left was handled ahead of its turn.)
    where batch_end.checkpoint_seq is not null
),

-- (A reader of `batch` or `batch_summary` has written the checkpoint, whichever columns are read.)
batch as not materialized (
    select read_ahead.*
    from next_checkpoint
    cross join read_ahead
    where read_ahead.fits
),

-- The summary of the batch for the daemon.
batch_summary as (
    select
        batch_end.changes,
        batch_end.notes_left,
        next_checkpoint.seq
    from next_checkpoint
    cross join batch_end
)
