-- Lets a consumer ($1) go on, and has the leader look at once ($2: the channel, $3: the word). No row if it was not
-- paused.
with resumed as (
    delete from listener.pause
    where pause.consumer = $1
    returning pause.consumer, pause.since, pause.paused_by, pause.reason
)

select
    resumed.consumer,
    resumed.since,
    resumed.paused_by,
    resumed.reason
from resumed
cross join pg_notify($2, $3)
