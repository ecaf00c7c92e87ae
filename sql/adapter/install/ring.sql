-- NOTIFY takes a lock that all commits share: ring only if the daemon, by holding the bell, says it listens.
    -- A queue about to fill, or a transaction that may be prepared, would make NOTIFY an error of the
    -- sign-up's: then nobody rings, and the daemon looks for itself.
    if
        not pg_try_advisory_xact_lock_shared({{lock_class}}, {{bell_lock}})
        and current_setting('max_prepared_transactions') = '0'
        and pg_notification_queue_usage() < 0.5
    then
        perform pg_notify('{{channel}}', '');
    end if;
