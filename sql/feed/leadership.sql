-- The locks of leadership, and the holders.

-- name: holder
-- The session that leads ($1: sessions that are passed over), with role and activity. (Of a session of another role
-- only the name may be seen.)
select
    lock_holder.pid,
    lock_holder.role,
    lock_holder.application_name,
    -- Where activities are not tracked: a session at work has a transaction, and each transaction has another number.
    -- (Nor does the server work during the wait for the rest of a statement's messages.)
    session.wait_event is distinct from 'ClientRead'
    and case session.state when 'disabled' then at_work.transaction is not null else session.state = 'active' end as active,
    extract(epoch from clock_timestamp() - session.state_change)::float8 as seconds,
    case session.state when 'disabled' then at_work.transaction end as transaction
from listener.lock_holder
left join pg_catalog.pg_stat_activity as session on session.pid = lock_holder.pid
left join lateral (
    select locks.virtualxid as transaction
    from pg_catalog.pg_locks as locks
    where locks.pid = lock_holder.pid and locks.locktype = 'virtualxid' and locks.mode = 'ExclusiveLock'
    limit 1
) as at_work on true
where
    lock_holder.lock = 'leader'
    and lock_holder.granted
    and lock_holder.entitled
    and lock_holder.pid <> pg_backend_pid()
    and not lock_holder.pid = any ($1::integer[])
order by lock_holder.application_name = 'listener' desc nulls last
limit 1;

-- name: depose
-- Ends the session with pid $1, if the session still holds a lock of leadership, and may lead.
select pg_terminate_backend(lock_holder.pid) as deposed
from listener.lock_holder
where
    lock_holder.lock = 'leader'
    and lock_holder.granted
    and lock_holder.entitled
    and lock_holder.pid = $1
limit 1;

-- name: squatters
select
    squatter.lock,
    squatter.pid,
    squatter.prepared,
    squatter.role,
    squatter.application_name,
    squatter.mend
from listener.squatter;
