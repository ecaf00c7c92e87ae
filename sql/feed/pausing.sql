-- Consumers that are paused.

-- name: paused
-- Consumers that are paused, the longest first.
select
    pause.consumer,
    pause.since,
    pause.paused_by,
    left(pause.reason, 1000) as reason
from listener.pause
order by pause.since, pause.consumer;

-- name: in_hand
-- Transactions of daemons and commands of ours that have looked for pauses, and are not over. Every statement of a
-- reaction looks, and takes a snapshot after that: a transaction that is not listed sees all commits up to now.
select coalesce(array_agg(pg_locks.virtualtransaction), '{}') as transactions
from pg_catalog.pg_locks
inner join pg_catalog.pg_stat_activity as session on session.pid = pg_locks.pid
where
    pg_locks.locktype = 'relation'
    and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and pg_locks.relation = 'listener.pause'::regclass::oid
    and pg_locks.pid <> pg_backend_pid()
    and session.application_name like 'listener%';
