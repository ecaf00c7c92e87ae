-- Whether a session has, or waits for, a lock on a whole table that reactions read or write: an installation or a
-- migration at work, which makes all students and courses wait.
select exists (
    select
    from pg_catalog.pg_locks as held
    inner join pg_catalog.pg_class as class on class.oid = held.relation
    where
        held.locktype = 'relation'
        and held.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        and held.pid is distinct from pg_catalog.pg_backend_pid()
        and held.database = (
            select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
        )
        and (
            class.relnamespace = (select pg_namespace.oid from pg_catalog.pg_namespace where nspname = 'listener')
            or class.oid in (select binding.table_oid from listener.binding)
        )
) as is_held
