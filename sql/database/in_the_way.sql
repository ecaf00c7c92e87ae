-- Whether any session waits for a lock on a table because of the session with this pid.
select exists (
    select
    from pg_catalog.pg_locks as waiting
    where
        waiting.locktype = 'relation'
        and not waiting.granted
        and $1 = any (pg_blocking_pids(waiting.pid))
)
