-- Consumers that are paused, the longest first.
select
    pause.consumer,
    pause.since,
    pause.paused_by,
    pause.reason
from listener.pause
order by pause.since, pause.consumer
