-- Tries to lead, and never waits: returns the number of the lock, held from now on until the session or the transaction
-- ends; null if another daemon leads. A session that holds a leader's lock and is not entitled to lead, or is among
-- `passed_over`, is no daemon: then another number is taken. Of two sessions that try at the same time with different
-- numbers at most one leads: each looks for the other while holding its own number, and Postgres shows the locks as of
-- one moment.
create or replace function listener.lead(for_session boolean, passed_over integer [] default '{}')
returns integer
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    candidate integer := 1;
    taken boolean;
    led boolean;
    used integer;
begin
    -- A stranger may take, between our look and our try, the number that was free: not for long.
    for attempt in 1..20 loop
        if for_session then
            taken := pg_try_advisory_lock(1279873876, candidate);
        else
            taken := pg_try_advisory_xact_lock(1279873876, candidate);
        end if;
        -- A transaction sees the sessions as at its first look.
        perform pg_stat_clear_snapshot();
        led := exists (
            select
            from listener.lock_holder
            where
                lock_holder.lock = 'leader'
                and lock_holder.granted
                and lock_holder.entitled
                and lock_holder.pid <> pg_backend_pid()
                and not lock_holder.pid = any (passed_over)
        );
        if taken and not led then
            return candidate;
        end if;
        if taken and for_session then
            perform pg_advisory_unlock(1279873876, candidate);
        end if;
        if led then
            return null;
        end if;
        candidate := 16;
        for used in
            select distinct pg_locks.objid::bigint
            from pg_catalog.pg_locks
            where
                pg_locks.locktype = 'advisory'
                and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
                and pg_locks.classid = 1279873876::oid
                and pg_locks.objsubid = 2
                and pg_locks.objid >= 16::oid
                and pg_locks.objid < 2147483647::oid
            order by 1
        loop
            exit when used > candidate;
            candidate := used + 1;
        end loop;
    end loop;
    return null;
end;
$$;
