-- Pauses a consumer, for a reason (or null), and has the leader look at once. A pause that is there already keeps time
-- and author; a new reason replaces the old. (The author is the role that logged in.)
create or replace function listener.pause(reaction_name text, why text)
returns table (consumer text, since timestamptz, paused_by text, reason text, is_new boolean)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with paused as (
    insert into listener.pause (consumer, reason, paused_by)
    values (reaction_name, left(why, 1000), session_user)
    on conflict (consumer) do update
    set reason = coalesce(excluded.reason, pause.reason)
    returning pause.consumer, pause.since, pause.paused_by, pause.reason, pause.xmax = 0 as is_new
)

select
    paused.consumer,
    paused.since,
    paused.paused_by,
    paused.reason,
    paused.is_new
from paused
cross join pg_notify('listener', 'look')
$$;

-- Lets a consumer go on, and has the leader look at once. No row if the consumer was not paused.
create or replace function listener.resume(reaction_name text)
returns table (consumer text, since timestamptz, paused_by text, reason text)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with resumed as (
    delete from listener.pause
    where pause.consumer = reaction_name
    returning pause.consumer, pause.since, pause.paused_by, left(pause.reason, 1000) as reason
)

select
    resumed.consumer,
    resumed.since,
    resumed.paused_by,
    resumed.reason
from resumed
cross join pg_notify('listener', 'look')
$$;
