-- The bell that writers ring.

-- name: ring
-- A heartbeat: sent to all listening sessions, with a query that travels along. For $3 seconds from now writers ring,
-- if the bell is held; null changes nothing. `armed` is false if that cannot be.
with looked as (
    {{query}}
)

select looked.*, arming.armed
from looked, pg_notify($1, $2), listener.arm_bell($3) as arming(armed);

-- name: look
-- A heartbeat's query where the queue of notifications is full, or nearly so: no writer is to ring, as a ringing writer
-- could not commit. Asking for the queue's usage moves the tail: nothing else may do that for long.
with looked as (
    {{query}}
)

select looked.*, pg_catalog.pg_notification_queue_usage() as queue_usage, arming.armed
from looked, listener.arm_bell(0) as arming(armed);

-- name: strangers
-- Whether a session that is no daemon holds the bell, in any mode, or waits for the bell.
select exists (select from listener.lock_holder where lock_holder.lock = 'bell' and not lock_holder.entitled);

-- name: writers_in_line
-- How many writers, of all databases, wait for the lock that every NOTIFY holds until the commit is done.
select count(*)
from pg_catalog.pg_locks
where locktype = 'object' and classid = 'pg_catalog.pg_database'::regclass::oid and objid = 0 and not granted;
