-- How the statement of a reaction that somebody installed begins for notes that it handles ahead of their turn: with the same
-- parts as `batch.sql`. $3 is the snapshot of the last such look, or null.
with read_ahead as materialized (
    select fresh.*
    from listener.fresh($1, ($3::text)::pg_snapshot, $2) as fresh
    where not exists (select from listener.pause where pause.consumer = $1)
),

batch_end as (
    select
        count(*) as changes,
        true as notes_left,
        min(read_ahead.checkpoint_seq) as checkpoint_seq,
        array_agg(distinct read_ahead.xid) as xids
    from read_ahead
),

next_checkpoint as materialized (
    select listener.fresh_is_handled($1, batch_end.checkpoint_seq, batch_end.xids, batch_end.changes) as seq
    from batch_end
    where batch_end.changes > 0
),

batch as not materialized (
    select read_ahead.*
    from next_checkpoint
    cross join read_ahead
),

batch_summary as (
    select
        batch_end.changes,
        batch_end.notes_left,
        next_checkpoint.seq
    from next_checkpoint
    cross join batch_end
)
