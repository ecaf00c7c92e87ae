-- Reactions that somebody added by `listener install --reactions`: what each does, in one statement that begins with the
-- feed. Whoever leads runs what is in here.
create table listener.reaction (
    name text primary key,
    text text not null,
    hash text not null,
    installed_at timestamptz not null default clock_timestamp()
);

comment on column listener.reaction.name is 'its checkpoint in listener.checkpoint, and a pause of it, go by this name';
comment on column listener.reaction.hash is 'SHA-256 of the text: whether a file still says the same';

-- Up to when notes have been purged: what a reaction can be made to handle again is younger.
create table listener.purged (
    only_row boolean primary key default true check (only_row),
    latest_note_at timestamptz not null
);

-- Whatever an earlier version has handled may have been purged.
insert into listener.purged (latest_note_at)
select
    case
        when exists (select from listener.checkpoint where checkpoint.seq > 0) then clock_timestamp()
        else '-infinity'::timestamptz
    end;
