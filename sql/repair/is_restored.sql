-- Whether the feed's checkpoints can be about this cluster's transactions.
select
    (select cluster.system_identifier from listener.cluster) as recorded,
    has_function_privilege('pg_catalog.pg_control_system()', 'execute') as readable,
    exists (
        select
        from unnest($1::text[]) as consumer(name)
        cross join lateral (
            select checkpoint.handled
            from listener.checkpoint
            where checkpoint.consumer = consumer.name
            order by checkpoint.seq desc
            limit 1
        ) as latest
        where pg_snapshot_xmax(latest.handled) > pg_snapshot_xmax(pg_current_snapshot())
    ) as from_the_future
