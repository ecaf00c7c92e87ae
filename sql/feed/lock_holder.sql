-- Which session holds a lock of leadership in this database, what it is, and what it is doing.
-- (Of another role's session only the pid may be seen.)
select
    pg_locks.pid,
    pg_stat_activity.application_name,
    pg_stat_activity.state = 'active' as active,
    extract(epoch from clock_timestamp() - pg_stat_activity.state_change)::float8 as seconds
from pg_catalog.pg_locks
left join pg_catalog.pg_stat_activity on pg_stat_activity.pid = pg_locks.pid
where
    pg_locks.locktype = 'advisory'
    and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and pg_locks.classid = ($1::bigint)::oid
    and pg_locks.objid = ($2::bigint)::oid
    and pg_locks.objsubid = 2
    and pg_locks.granted
limit 1
