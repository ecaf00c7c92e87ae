-- Whether anything in the feed waits to be handled.
select exists (
    select
    from unnest(array['enroll', 'count']) as consumer(name)
    cross join lateral (select from listener.unhandled(consumer.name, 1)) as unhandled
)
