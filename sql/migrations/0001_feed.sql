-- The tables. Later versions add migrations of their own; a migration that has landed is never edited.

create schema listener;

create table listener.installation (
    only_row boolean primary key default true check (only_row),
    version integer not null,
    fingerprint text not null,
    mapping jsonb not null,
    installed_at timestamptz not null default now()
);

-- The change feed: append-only notes, taken by triggers in the writer's own transaction.
create table listener.change (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    operation text not null,
    profile_ids {{profile_key_type}}[],
    course_id {{course_key_type}},
    delta bigint,
    primary key (xid, id)
);

-- What each consumer has handled: a snapshot, and how far it got in a transaction that a batch cut in two.
create table listener.checkpoint (
    consumer text not null,
    seq bigint not null,
    handled pg_snapshot not null,
    partial_xid xid8,
    partial_id bigint,
    changes bigint not null default 0,
    at timestamptz not null default clock_timestamp(),
    primary key (consumer, seq)
);

-- Students that could not be enrolled yet, and why.
create table listener.pending_enrollment (
    profile_id {{profile_key_type}} primary key,
    reason text not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null
);

create index pending_enrollment_due on listener.pending_enrollment (next_attempt_at, profile_id);

-- Deltas whose course row was locked, is missing, or refused the move.
create table listener.pending_count (
    course_id {{course_key_type}} primary key,
    delta bigint not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null
);

insert into listener.checkpoint (consumer, seq, handled)
values
    ('enroll', 0, pg_current_snapshot()),
    ('count', 0, pg_current_snapshot());
