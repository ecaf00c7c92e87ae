-- What waits because its consumer is paused does not wait for a daemon. (All findings are of one snapshot, taken when the
-- transaction began: what was handled while the others were looked for still looks unhandled.)
with found as (
    select min(unhandled.at) as at
    from unnest(array['enroll', 'count']) as consumer(name)
    cross join lateral (select at from listener.unhandled(consumer.name, 1)) as unhandled
    where not exists (select from listener.pause where pause.consumer = consumer.name)
)

select
    count(*) filter (where found.at < now() - interval '10 seconds') as affected,
    array_agg(format('the oldest change waits since %s', date_trunc('second', found.at))) as examples
from found
