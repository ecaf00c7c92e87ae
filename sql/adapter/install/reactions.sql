-- The reactions of one's own: these, and no others. What each does is text here; the daemon runs it, with its own rights.
begin;

set local lock_timeout = '{{lock_milliseconds}}ms';
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;

-- No batch is at work while it changes who reads the feed: what is handled, and so may be purged, is as it was.
lock table listener.checkpoint in share row exclusive mode;

delete from listener.reaction
where reaction.name <> all (array[{{names}}]::text[]);

delete from listener.checkpoint
where
    checkpoint.consumer <> all (array[{{built_in}}])
    and checkpoint.consumer <> all (array[{{names}}]::text[]);

delete from listener.pause
where
    pause.consumer <> all (array[{{built_in}}])
    and pause.consumer <> all (array[{{names}}]::text[]);

{{reactions}}-- A new one begins with what is noted from here on.
insert into listener.checkpoint (consumer, seq, handled)
select reaction.name, 0, pg_current_snapshot()
from listener.reaction
where not exists (select from listener.checkpoint where checkpoint.consumer = reaction.name);

select pg_notify({{channel}}, {{look}});

commit;
