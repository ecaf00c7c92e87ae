-- The session, and its statement, that keeps all sessions from reading a table of this database: a session that has the
-- table ACCESS EXCLUSIVE, or else the session that waits for that, with all others behind. (Locks on catalogues, and on
-- temporary tables, keep no session waiting.)
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
