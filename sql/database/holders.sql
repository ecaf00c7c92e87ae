-- Which other session keeps everybody from reading a table of this database, and by what statement: one that has it
-- ACCESS EXCLUSIVE, or else one that waits for that, and everybody behind it. (Those of catalogues, and of temporary
-- tables, keep nobody waiting.)
select
    namespace.nspname || '.' || class.relname as table_name,
    lock.pid,
    coalesce(session.usename::text, 'a prepared transaction') as role,
    left(regexp_replace(session.query, '\s+', ' ', 'g'), 60) as query
from pg_catalog.pg_locks as lock
inner join pg_catalog.pg_class as class on class.oid = lock.relation
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
left join pg_catalog.pg_stat_activity as session on session.pid = lock.pid
where
    lock.locktype = 'relation'
    and lock.mode = 'AccessExclusiveLock'
    and lock.pid is distinct from pg_backend_pid()
    and lock.database = (
        select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
    )
    and class.relkind in ('r', 'p', 'v', 'm', 'f')
    and class.relpersistence <> 't'
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by lock.granted desc, namespace.nspname = 'listener' desc, session.xact_start
limit 1
