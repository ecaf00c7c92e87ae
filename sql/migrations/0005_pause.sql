-- Reactions that wait until somebody lets them go on. Whoever leads reads this in the same statement as a batch.
create table listener.pause (
    consumer text primary key,
    since timestamptz not null default clock_timestamp(),
    paused_by text not null default current_user,
    reason text
);

comment on column listener.pause.consumer is 'its notes wait in the feed, and are kept';
comment on column listener.pause.paused_by is 'the role that asked for it';
