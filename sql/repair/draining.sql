-- Whether an audit would take what is on its way for lost: a backlog is being drained, whose oldest note has waited for
-- longer than any that is handled as it comes; or something is to be made good, or not bound yet. (What waits because
-- its consumer is paused stays where it is, and is counted in.)
select
    exists (
        select
        from unnest(array['enroll', 'count']) as consumer(name)
        cross join lateral listener.unhandled(consumer.name, 1) as unhandled
        where
            unhandled.at < clock_timestamp() - interval '5 seconds'
            and not exists (select from listener.pause where pause.consumer = consumer.name)
    )
    or exists (select from listener.due_blind_note)
    or not listener.is_bound()
