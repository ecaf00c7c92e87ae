-- Pauses a consumer ($1), for a reason ($2, or null), and has the leader look at once ($3: the channel, $4: the word).
-- One that is paused already stays so since when it was, by whom it was; a new reason takes the place of the old one.
with paused as (
    insert into listener.pause (consumer, reason)
    values ($1, $2)
    on conflict (consumer) do update
    set reason = coalesce(excluded.reason, pause.reason)
    returning pause.consumer, pause.since, pause.paused_by, pause.reason, pause.xmax = 0 as is_new
)

select
    paused.consumer,
    paused.since,
    paused.paused_by,
    paused.reason,
    paused.is_new
from paused
cross join pg_notify($3, $4)
