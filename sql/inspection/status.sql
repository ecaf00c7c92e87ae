-- The questions of `listener status`; the figures are in sample.sql.

-- name: leader
-- The leader and the standbys: sessions that hold a lock of leadership and may lead, and sessions of other daemons,
-- named $1.
with holder as (
    select
        lock_holder.pid,
        lock_holder.application_name,
        session.client_addr,
        session.backend_start,
        -- Locks and sessions are read one after the other. A session that had been idle before both reads holds the
        -- lock outside a transaction.
        session.state = 'idle' and session.state_change < statement_timestamp() as is_idle
    from listener.lock_holder
    left join pg_catalog.pg_stat_activity as session on session.pid = lock_holder.pid
    where lock_holder.lock = 'leader' and lock_holder.granted and lock_holder.entitled
),

other_session as materialized (
    select session.*
    from listener.entitled_session as session
    where session.pid <> pg_backend_pid()
),

daemon as (
    select session.pid, session.state_change
    from other_session as session
    where session.application_name = $1
),

leader as (
    select holder.*
    from holder
    order by holder.application_name = $1 desc nulls last
    limit 1
)

select
    (select leader.pid from leader) as leader_pid,
    (select leader.application_name is distinct from $1 from leader) as leader_is_no_daemon,
    (select coalesce(leader.is_idle, false) from leader) as leader_is_idle,
    (select host(leader.client_addr) from leader) as leader_address,
    (select leader.backend_start from leader) as leader_since,
    (select count(*) from daemon where daemon.pid not in (select holder.pid from holder)) as standbys,
    (
        select count(*)
        from daemon
        where daemon.state_change > clock_timestamp() - interval '5 seconds'
    ) as active_daemons,
    exists (
        select from other_session where other_session.state_change > clock_timestamp() - interval '2 seconds'
    ) as others_at_work,
    (select max(last_checkpoint.at) from listener.last_checkpoint) as last_checkpoint_at;

-- name: comes_and_goes
-- Whether the leader's lock comes and goes. A daemon behind a transaction pooler holds the lock for some milliseconds
-- at a time, in sessions that are the pooler's and bear any name: with looks often enough, the lock is seen held, and
-- free. The answer is left in `listener.comes_and_goes`, for as long as the transaction lasts.
do $look$
declare
    give_up_at constant timestamptz := clock_timestamp() + interval '{{seconds}} seconds';
    is_held boolean;
    was_held boolean := false;
    was_free boolean := false;
begin
    while clock_timestamp() < give_up_at and not (was_held and was_free) loop
        perform pg_catalog.pg_stat_clear_snapshot();  -- otherwise a transaction sees the sessions of the first look
        select exists (
            select
            from listener.lock_holder
            where lock_holder.lock = 'leader' and lock_holder.granted and lock_holder.entitled
        ) into is_held;
        was_held := was_held or is_held;
        was_free := was_free or not is_held;
        perform pg_catalog.pg_sleep(0.001);
    end loop;
    perform pg_catalog.set_config('listener.comes_and_goes', (was_held and was_free)::text, true);
end
$look$;

-- name: statistics
-- Figures that need a look at every row.
with astray as materialized (
    select missed.*
    from listener.missed()
    where missed.should_be in ('enrolled', 'returned')
)

select
    listener.count_students() as students,
    (select count(distinct astray.profile_id) from astray) as students_without_enrollment,
    (select count(*) from astray where astray.is_missed) as wanted_missing,
    (select count(distinct drifted.id) from listener.drifted_counts() as drifted) as courses_off;
