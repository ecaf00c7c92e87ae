if not pg_try_advisory_xact_lock_shared(1279873876, 2) then
        perform listener.ring();
    end if;
