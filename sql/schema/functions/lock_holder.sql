-- Any login may take an advisory lock, and give its session any name. So a daemon's session is only a session whose
-- role may do a daemon's work: may call `listener.follow()`, or become a role that may. The role is the session's login
-- role, which every role may see and none can change.
create view listener.entitled_session as
with entitled_role as materialized (
    select pg_roles.oid
    from pg_catalog.pg_roles
    where
        has_schema_privilege(pg_roles.oid, 'listener'::regnamespace::oid, 'usage')
        and has_function_privilege(pg_roles.oid, 'listener.follow()'::regprocedure::oid, 'execute')
)

select
    session.pid,
    session.application_name,
    session.state_change
from pg_catalog.pg_stat_activity as session
where
    session.datname = current_database()
    and session.usesysid is not null
    and exists (select from entitled_role where pg_has_role(session.usesysid, entitled_role.oid, 'member'));

-- Sessions that hold or wait for advisory locks of ours (of class 1279873876: 1 is the leader's, and 16 onwards if a
-- stranger holds 1; 2 is the bell's): a row for each session and kind of lock. A prepared transaction has no session
-- any more, and so is no daemon. An invisible session begins or ends at this moment: its role is not known yet.
create view listener.lock_holder as
with held as (
    select
        pg_locks.pid,
        pg_locks.virtualtransaction as transaction,
        case when pg_locks.objid = 2::oid then 'bell' else 'leader' end as lock,
        bool_or(pg_locks.granted) as granted
    from pg_catalog.pg_locks
    where
        pg_locks.locktype = 'advisory'
        and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and pg_locks.classid = 1279873876::oid
        and pg_locks.objsubid = 2
        and (
            pg_locks.objid in (1::oid, 2::oid)
            or pg_locks.objid >= 16::oid
        )
    group by 1, 2, 3
)

select
    held.pid,
    held.lock,
    held.granted,
    prepared.gid as prepared,
    session.application_name,
    coalesce(prepared.owner::text, pg_get_userbyid(session.usesysid)::text) as role,
    held.pid is not null and (
        session.usesysid is null or held.pid in (select entitled_session.pid from listener.entitled_session)
    ) as entitled
from held
left join pg_catalog.pg_stat_activity as session on session.pid = held.pid
left join pg_catalog.pg_locks as own_number
    on held.pid is null
    and own_number.pid is null
    and own_number.locktype = 'transactionid'
    and own_number.mode = 'ExclusiveLock'
    and own_number.virtualtransaction = held.transaction
left join pg_catalog.pg_prepared_xacts as prepared on prepared.transaction = own_number.transactionid;

-- Sessions that hold, or wait for, locks of ours and are no daemons: no daemon's role, or without a daemon's name while
-- a daemon leads. At most 20, holders first.
create view listener.squatter as
select
    lock_holder.lock,
    lock_holder.pid,
    lock_holder.prepared,
    lock_holder.role,
    lock_holder.application_name,
    case
        when lock_holder.prepared is not null then format('rollback prepared %L', lock_holder.prepared)
        else format('select pg_terminate_backend(%s)', lock_holder.pid)
    end as mend
from listener.lock_holder
where
    not lock_holder.entitled
    or (
        lock_holder.lock = 'leader'
        and lock_holder.granted
        and lock_holder.application_name is distinct from 'listener'
        and exists (
            select
            from listener.lock_holder as leader
            where
                leader.lock = 'leader'
                and leader.granted
                and leader.entitled
                and leader.application_name = 'listener'
                and leader.pid <> lock_holder.pid
        )
    )
order by lock_holder.granted desc, lock_holder.lock desc, lock_holder.pid
limit 20;
