-- Who works, and what is left to do: all that `listener status` shows, without asking the daemon.
with consumer as (
    select
        name,
        (
            select count(*)
            from (select from listener.unhandled(name, $2) limit $2) as counted
        ) as backlog,
        (
            select min(oldest.at)
            from (select at from listener.unhandled(name, 1)) as oldest
        ) as oldest_at
    from unnest($1::text[]) as name
),

daemon as (
    select
        pg_stat_activity.pid,
        exists (
            select
            from pg_catalog.pg_locks
            where
                pg_locks.pid = pg_stat_activity.pid
                and pg_locks.locktype = 'advisory'
                and pg_locks.classid = ($3::bigint)::oid
                and pg_locks.objid = ($4::bigint)::oid
                and pg_locks.granted
        ) as leads
    from pg_catalog.pg_stat_activity
    where
        pg_stat_activity.datname = current_database()
        and pg_stat_activity.application_name = 'listener'
        and pg_stat_activity.pid <> pg_backend_pid()
)

select
    (select min(daemon.pid) from daemon where daemon.leads) as leader_pid,
    (select count(*) from daemon where not daemon.leads) as standbys,
    (select max(backlog) from consumer) as backlog,
    (select extract(epoch from clock_timestamp() - min(oldest_at))::float8 from consumer) as lag_seconds,
    (select count(*) from listener.pending_enrollment) as pending_students,
    (select count(*) from listener.pending_count) as parked_counts,
    (select count(*) from listener.student) as students,
    (
        select count(*)
        from listener.student
        where not exists (select from listener.enrollment where enrollment.profile_id = student.id)
    ) as students_without_enrollment,
    (select max(checkpoint.at) from listener.checkpoint) as last_checkpoint_at
