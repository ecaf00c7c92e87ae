-- How many writers, of all databases, wait for the lock that every NOTIFY holds until its commit is done.
select count(*)
from pg_catalog.pg_locks
where locktype = 'object' and classid = 'pg_catalog.pg_database'::regclass and objid = 0 and not granted
