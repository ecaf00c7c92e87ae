-- Whether a backlog is being drained: its oldest note has waited for longer than any that is handled as it comes.
select exists (
    select
    from unnest(array['enroll', 'count']) as consumer(name)
    cross join lateral listener.unhandled(consumer.name, 1) as unhandled
    where unhandled.at < clock_timestamp() - interval '5 seconds'
)
