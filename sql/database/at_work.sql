-- Whether the server works for the session with this pid. (Where activities are not tracked: whether the session has a
-- transaction.)
select
    -- In the middle of a statement's messages a session counts as active, too, while the server waits for the client.
    session.wait_event is distinct from 'ClientRead' and case session.state
        when 'disabled' then exists (
            select
            from pg_catalog.pg_locks as locks
            where locks.pid = session.pid and locks.locktype = 'virtualxid' and locks.mode = 'ExclusiveLock'
        )
        else session.state = 'active'
    end
from pg_catalog.pg_stat_activity as session
where session.pid = $1
