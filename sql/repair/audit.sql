-- The queries of each audit.

-- name: draining
-- Whether an audit should wait, because it would call students missed who are about to be enrolled: the oldest note has
-- waited for long, so a backlog is being worked off; or blind notes are to be made good, or a rename followed. (Notes
-- of a paused consumer stay in place, and are counted in.)
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
    or not listener.is_bound();

-- name: written
-- How many rows of these tables ($1 schemas, $2 names, $3 labels) have been written, in the partitions, too: as far as
-- known, which may be some seconds ago.
select
    named.label,
    coalesce(sum(counted.n_tup_ins + counted.n_tup_upd + counted.n_tup_del), 0)::bigint as rows
from unnest($1::text[], $2::text[], $3::text[]) as named(schema_name, table_name, label)
left join pg_catalog.pg_class as class on class.oid = to_regclass(format('%I.%I', named.schema_name, named.table_name))::oid
left join lateral (
    select class.oid as oid
    union
    select tree.relid::oid from pg_partition_tree(class.oid::regclass) as tree
) as part on true
left join pg_catalog.pg_stat_all_tables as counted on counted.relid = part.oid
group by named.label;

-- name: counts
-- Facts about the counts for an audit: how many courses are off, whether a move was set aside, and whether counting is
-- paused.
select
    (select count(distinct course_drift.id) from listener.course_drift) as drifted,
    exists (select from listener.pending_count) as parked,
    exists (select from listener.pause where pause.consumer = 'count') as paused;
