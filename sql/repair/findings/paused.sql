select
    count(*) as affected,
    array_agg(
        format(
            '%s, since %s by %s%s', pause.consumer, date_trunc('second', pause.since), pause.paused_by, ': ' || pause.reason
        )
        order by pause.since, pause.consumer
    ) as examples
from listener.pause
