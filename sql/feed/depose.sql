-- Ends the session with this pid, if it is still the one that holds the lock of leadership.
select pg_terminate_backend(pg_locks.pid) as deposed
from pg_catalog.pg_locks
where
    pg_locks.locktype = 'advisory'
    and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and pg_locks.classid = ($1::bigint)::oid
    and pg_locks.objid = ($2::bigint)::oid
    and pg_locks.objsubid = 2
    and pg_locks.granted
    and pg_locks.pid = $3
limit 1
