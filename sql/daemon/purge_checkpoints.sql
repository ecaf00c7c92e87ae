-- A consumer's old checkpoints, all but its last.
with last_checkpoint as materialized (
    select checkpoint.seq
    from listener.checkpoint
    where checkpoint.consumer = $1
    order by checkpoint.seq desc
    limit 1
),

expired as (
    select checkpoint.seq
    from listener.checkpoint
    cross join last_checkpoint
    where
        checkpoint.consumer = $1
        and checkpoint.seq >= $2
        and checkpoint.seq < last_checkpoint.seq
        and checkpoint.at < clock_timestamp() - make_interval(secs => $4)
    order by checkpoint.seq
    limit $3
),

purged_checkpoint as (
    delete from listener.checkpoint
    using expired
    where checkpoint.consumer = $1 and checkpoint.seq = expired.seq
    returning checkpoint.seq
)

select
    count(*) as checkpoints,
    max(seq) as last_seq
from purged_checkpoint
