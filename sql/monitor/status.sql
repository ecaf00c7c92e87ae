-- Who leads and who stands by: the sessions that hold a lock of leadership ($1: its class, $2: its keys), and those of other daemons.
with holder as (
    select
        pg_locks.pid,
        session.application_name,
        session.client_addr,
        session.backend_start,
        -- Locks and sessions are read one after the other. Who had been idle before either was read holds the lock
        -- outside a transaction.
        session.state = 'idle' and session.state_change < statement_timestamp() as is_idle
    from pg_catalog.pg_locks
    left join pg_catalog.pg_stat_activity as session on session.pid = pg_locks.pid
    where
        pg_locks.locktype = 'advisory'
        and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and pg_locks.classid = ($1::bigint)::oid
        and pg_locks.objid = any (($2::bigint[])::oid[])
        and pg_locks.objsubid = 2
        and pg_locks.granted
),

daemon as (
    select session.pid, session.state_change
    from pg_catalog.pg_stat_activity as session
    where
        session.datname = current_database()
        and session.application_name = $3
        and session.pid <> pg_backend_pid()
),

leader as (
    select holder.*
    from holder
    order by holder.application_name = $3 desc nulls last
    limit 1
)

select
    (select leader.pid from leader) as leader_pid,
    (select leader.application_name is distinct from $3 from leader) as leader_is_no_daemon,
    (select coalesce(leader.is_idle, false) from leader) as leader_is_idle,
    (
        select holder.pid
        from holder
        cross join leader
        where leader.application_name = $3 and holder.application_name is distinct from $3
        limit 1
    ) as squatter_pid,
    (select host(leader.client_addr) from leader) as leader_address,
    (select leader.backend_start from leader) as leader_since,
    (select count(*) from daemon where daemon.pid not in (select holder.pid from holder)) as standbys,
    (
        select count(*)
        from daemon
        where daemon.state_change > clock_timestamp() - interval '5 seconds'
    ) as active_daemons,
    (select max(latest.at) from unnest($4::text[]) as consumer(name) cross join lateral (
        select checkpoint.at
        from listener.checkpoint
        where checkpoint.consumer = consumer.name
        order by checkpoint.seq desc
        limit 1
    ) as latest) as last_checkpoint_at
