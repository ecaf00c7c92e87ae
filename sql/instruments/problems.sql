-- Problems that keep the listener from its work, or spoil the work, as far as the database shows: a row for each
-- problem, with the code, the beginning (Unix seconds, null if unknown), the number affected, and a few examples. Read
-- often: at most $1 rows of a kind are counted. Problems that only the leader knows, the leader has told
-- (`listener.problem`).

-- name: seen
with leader as materialized (
    select
        lock_holder.pid,
        lock_holder.application_name is not distinct from 'listener' or lock_holder.pid = pg_backend_pid() as is_daemon
    from listener.lock_holder
    where lock_holder.lock = 'leader' and lock_holder.granted and lock_holder.entitled
),

squatter as materialized (
    select found.*, row_number() over () as number
    from listener.squatter as found
),

pending as materialized (
    select counted.*
    from (
        select
            pending_enrollment.profile_id::text as profile_id,
            pending_enrollment.reason,
            pending_enrollment.error,
            pending_enrollment.since
        from listener.pending_enrollment
        limit $1
    ) as counted
    where counted.reason in ('failed', 'course_locked', 'no_course')
),

parked as materialized (
    select
        pending_count.course_id::text as course_id,
        pending_count.error,
        pending_count.since
    from listener.pending_count
    where pending_count.delta <> 0
    limit $1
),

held as materialized (
    (
        select
            made.profile_id::text as profile_id,
            made.course_id::text as course_id,
            made.held_since
        from listener.made_enrollment as made
        where made.held_since is not null
        order by made.held_since
        limit $1
    )
    union all
    (
        select
            joining.profile_id::text,
            joining.course_id::text,
            joining.since
        from listener.pending_enrollment as joining
        where joining.reason = 'held' and not joining.released
        order by joining.since
        limit $1
    )
),

-- The sessions of these roles fire no triggers: their writes are noted nowhere.
replica as materialized (
    select
        format('alter database %I reset session_replication_role', database.datname) as mend
    from pg_catalog.pg_db_role_setting as setting
    inner join pg_catalog.pg_database as database on database.oid = setting.setdatabase
    where
        setting.setrole = 0
        and database.datname = current_database()
        and 'session_replication_role=replica' in (select lower(each.text) from unnest(setting.setconfig) as each(text))
    union all
    select
        format(
            'alter role %s%s reset session_replication_role',
            coalesce(quote_ident(role.rolname), 'all'),
            case when setting.setdatabase = 0 then '' else format(' in database %I', current_database()) end
        )
    from pg_catalog.pg_db_role_setting as setting
    left join pg_catalog.pg_roles as role on role.oid = setting.setrole
    where
        (setting.setrole <> 0 or setting.setdatabase = 0)
        and setting.setdatabase in (
            0, (select database.oid from pg_catalog.pg_database as database where database.datname = current_database())
        )
        and 'session_replication_role=replica' in (select lower(each.text) from unnest(setting.setconfig) as each(text))
    union all
    select 'alter system reset session_replication_role; select pg_reload_conf()'
    from pg_catalog.pg_settings
    where
        pg_settings.name = 'session_replication_role'
        and pg_settings.setting = 'replica'
        and pg_settings.source in ('configuration file', 'command line')
),

blind as materialized (
    select counted.at
    from (select due_blind_note.at from listener.due_blind_note limit $1) as counted
    where counted.at < clock_timestamp() - interval '1 minute'
),

problem as (
    select
        'no_leader' as code,
        null::timestamptz as since,
        (not exists (select from leader where leader.is_daemon))::integer::bigint as affected,
        array(
            select format('the leader''s lock is held by a session that is no daemon, pid %s', leader.pid)
            from leader
            limit 5
        ) as examples
    union all
    select
        'counts_refused',
        min(parked.since),
        count(*),
        array(
            select format('%s: %s', refused.course_id, refused.error)
            from parked as refused
            where refused.error is not null
            order by refused.since
            limit 5
        )
    from parked
    where parked.error is not null
    union all
    select
        'counts_locked',
        min(parked.since),
        count(*),
        array(
            select concat_ws(
                ': held by session ',
                held.course_id,
                (
                    select format('%s of role %s: %s', holder.pid, session.usename, left(session.query, 200))
                    from listener.course_holders('{}') as holder
                    inner join pg_catalog.pg_stat_activity as session on session.pid = holder.pid
                    where holder.course_id = held.course_id
                    order by session.xact_start
                    limit 1
                )
            )
            from parked as held
            where held.error is null and held.since < clock_timestamp() - interval '10 seconds'
            order by held.since
            limit 5
        )
    from parked
    where parked.error is null and parked.since < clock_timestamp() - interval '10 seconds'
    union all
    select
        'students_refused',
        min(pending.since),
        count(distinct pending.profile_id),
        array(
            select format('%s: %s', refused.profile_id, coalesce(refused.error, refused.reason))
            from pending as refused
            where refused.reason = 'failed'
            order by refused.since
            limit 5
        )
    from pending
    where pending.reason = 'failed'
    union all
    select
        'course_locked',
        min(pending.since),
        count(distinct pending.profile_id),
        array(
            select concat_ws(': ', held.profile_id, held.error)
            from pending as held
            where held.reason = 'course_locked' and held.since < clock_timestamp() - interval '10 seconds'
            order by held.since
            limit 5
        )
    from pending
    where pending.reason = 'course_locked' and pending.since < clock_timestamp() - interval '10 seconds'
    union all
    select
        'no_course',
        min(pending.since),
        count(distinct pending.profile_id),
        array(
            select waiting.profile_id
            from pending as waiting
            where waiting.reason = 'no_course' and waiting.since < clock_timestamp() - interval '1 minute'
            order by waiting.since
            limit 5
        )
    from pending
    where pending.reason = 'no_course' and pending.since < clock_timestamp() - interval '1 minute'
    union all
    select
        'enrollments_held',
        min(held.held_since),
        count(*),
        array(
            select format('%s in %s', first_held.profile_id, first_held.course_id)
            from held as first_held
            order by first_held.held_since
            limit 5
        )
    from held
    union all
    select
        'replica_role',
        null,
        count(*),
        array(select replica.mend from replica order by replica.mend limit 5)
    from replica
    union all
    select
        'blind_notes',
        min(blind.at),
        count(*),
        '{}'
    from blind
    union all
    select
        'locks_squatted',
        null,
        count(*),
        array(
            select format(
                '%s of role %s %s: %s',
                case when squatter.prepared is null then 'session ' || squatter.pid else 'a prepared transaction' end,
                squatter.role,
                case squatter.lock when 'leader' then 'holds the leader''s lock' else 'holds the bell' end,
                squatter.mend
            )
            from squatter
            where squatter.number <= 5
            order by squatter.number
        )
    from squatter
    union all
    select
        'paused',
        min(pause.since),
        count(*),
        array(
            select format(
                '%s, since %s by %s%s',
                each.consumer,
                to_char(each.since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
                each.paused_by,
                ': ' || left(each.reason, 1000)
            )
            from listener.pause as each
            order by each.since, each.consumer
            limit 5
        )
    from listener.pause
)

select
    (
        select coalesce(json_agg(shown), '[]')
        from (
            select
                problem.code,
                extract(epoch from problem.since)::float8 as since,
                problem.affected,
                array(select left(example, 1000) from unnest(problem.examples) as example) as examples
            from problem
            where problem.affected > 0
        ) as shown
    ) as seen,
    (
        select coalesce(json_agg(shown), '[]')
        from (
            select
                told.code,
                extract(epoch from told.since)::float8 as since,
                told.affected,
                told.examples
            from listener.problem as told
            order by told.code
            limit 100
        ) as shown
    ) as told;

-- name: tell
-- Replaces the problems that the leader told before.
select listener.tell_problems($1::text::json);
