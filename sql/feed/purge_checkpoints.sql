-- A consumer's old checkpoints, all but its last. They are in the order of their age: however many are too young to go,
-- no more are looked at than may be deleted.
with last_checkpoint as materialized (
    select checkpoint.seq
    from listener.checkpoint
    where checkpoint.consumer = $1
    order by checkpoint.seq desc
    limit 1
),

oldest_checkpoint as materialized (
    select
        checkpoint.ctid as row_id,
        checkpoint.at < clock_timestamp() - make_interval(secs => $4) as expired
    from listener.checkpoint
    where
        checkpoint.consumer = $1
        and checkpoint.seq >= $2
        and checkpoint.seq < (select last_checkpoint.seq from last_checkpoint)
    order by checkpoint.seq
    limit $3
),

purged_checkpoint as (
    delete from listener.checkpoint
    where
        checkpoint.ctid = any (
            array(select oldest_checkpoint.row_id from oldest_checkpoint where oldest_checkpoint.expired)
        )
    returning checkpoint.seq
)

select
    count(*) as checkpoints,
    max(seq) as last_seq
from purged_checkpoint
