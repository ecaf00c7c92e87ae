-- Whether writers ring. The bell's number is the second, since 1970, until which a daemon that holds the bell is to be
-- rung: a heartbeat moves the number on, so that no writer rings for a dead daemon while a stranger holds the bell. (A
-- sequence is no row: every reader sees the present number, however old the snapshot, and setting the number leaves no
-- dead row.)
create sequence if not exists listener.bell minvalue 0 start 0;

-- Called by a writer if the bell is held, as a listening daemon does: NOTIFY takes a lock that all commits share. Any
-- login may hold the bell: then the daemon disarms the bell, and a writer loses no more than a look at a number. A
-- queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the sign-up's: then no
-- writer rings, and the daemon looks for itself.
create or replace function listener.ring() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if
        has_sequence_privilege('listener.bell'::regclass::oid, 'select') -- a missing right never fails a sign-up
        and pg_sequence_last_value('listener.bell'::regclass) > date_part('epoch', clock_timestamp())
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('listener', '');
    end if;
end;
$$;

-- From now on writers ring for so many seconds, if the bell is held; 0: writers do not ring; null: as before. False if
-- that cannot be: the functions' owner is not the sequence's. Then no daemon must sleep.
create or replace function listener.arm_bell(seconds integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    bell constant oid := 'listener.bell'::regclass;
begin
    if
        current_setting('transaction_read_only') = 'on'
        or not has_sequence_privilege(bell, 'update')
        or not has_sequence_privilege(bell, 'select')
    then
        return false;
    end if;
    if seconds is not null then
        perform setval(
            bell, case seconds when 0 then 0 else extract(epoch from clock_timestamp())::bigint + seconds end
        );
    end if;
    return true;
end;
$$;
