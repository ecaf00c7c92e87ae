if not pg_try_advisory_xact_lock_shared(1279873876, 2) then
    begin
        perform listener.ring();
    exception when others then
        null;  -- the daemon looks with its heartbeat, too
    end;
end if;
