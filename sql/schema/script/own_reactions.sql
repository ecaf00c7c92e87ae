-- Installs a person's own reactions.

-- name: reactions
-- No batch is at work while the readers of the feed change: handled notes, which may be purged, stay as before. (Each
-- statement that reads a batch looks first for pauses, and takes its snapshot afterwards.)
lock table listener.pause in access exclusive mode;
lock table listener.checkpoint in share row exclusive mode;

delete from listener.reaction
where reaction.name <> all (array[{{names}}]::text[]);

delete from listener.checkpoint
where
    checkpoint.consumer not in ('enroll', 'count')
    and checkpoint.consumer <> all (array[{{names}}]::text[]);

delete from listener.ahead
where
    ahead.consumer not in ('enroll', 'count')
    and ahead.consumer <> all (array[{{names}}]::text[]);

delete from listener.pause
where
    pause.consumer not in ('enroll', 'count')
    and pause.consumer <> all (array[{{names}}]::text[]);

insert into listener.reaction (name, text, hash)
select file.name, file.text, file.hash
from (
    values
        (null::text, null::text, null::text){{reactions}}
) as file (name, text, hash)
where file.name is not null
on conflict (name) do update
set
    text = excluded.text,
    hash = excluded.hash,
    installed_at = excluded.installed_at
where reaction.hash <> excluded.hash;

-- A new reaction begins with notes from here on.
insert into listener.checkpoint (consumer, seq, handled)
select reaction.name, 0, listener.seen(pg_current_snapshot())
from listener.reaction
where not exists (select from listener.checkpoint where checkpoint.consumer = reaction.name);

select pg_notify('listener', 'look');

-- name: begin
-- The reactions of one's own: all of them. Each is text here; the daemon runs the text, with its own rights.
begin;

set local lock_timeout = '200ms';
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;
