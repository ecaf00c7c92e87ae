-- The tables of the first version. A later version adds a migration of its own; a released migration is never edited.

create schema listener;

create table listener.installation (
    only_row boolean primary key default true check (only_row),
    version smallint not null, -- (An integer before the first release: so an installation of that time is known.)
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
    route text,
    keys text[],
    primary key (xid, id)
);

comment on column listener.change.route is
'the way from a changed row that is about no single profile to profiles: listener.routed knows the ways';
comment on column listener.change.keys is 'values of that row that lead to profiles along the route';

-- The handled notes of each consumer: a snapshot, and the progress in a transaction that a batch cut in two.
create table listener.checkpoint (
    consumer text not null,
    seq bigint not null,
    handled pg_snapshot not null,
    partial_xid xid8,
    partial_id bigint,
    first_ahead xid8,
    changes bigint not null default 0,
    at timestamptz not null default clock_timestamp(),
    primary key (consumer, seq)
);

comment on column listener.checkpoint.changes is 'notes that it handled, or passed over';

comment on column listener.checkpoint.first_ahead is
'the first of the transactions in listener.ahead, which are handled beside what `handled` says; null if there is none';

-- What a consumer has handled before its turn, while it had a backlog: whole transactions, each small.
create table listener.ahead (
    consumer text not null,
    xid xid8 not null,
    primary key (consumer, xid)
);

-- Enrollments that could not be made yet, and why. Who waits does so for one course.
create table listener.pending_enrollment (
    id bigint primary key generated always as identity,
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}},
    reason text not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null,
    cause text not null default 'retry',
    alone boolean not null default false,
    released boolean not null default false,
    unique (profile_id, course_id)
);

create unique index pending_enrollment_without_course on listener.pending_enrollment (profile_id) where course_id is null;

-- Few as a rule, or none.
create index pending_enrollment_held on listener.pending_enrollment (since) where reason = 'held' and not released;

comment on column listener.pending_enrollment.released is
'was held, and somebody let it go: it is made whatever the brake on joining allows';

comment on column listener.pending_enrollment.course_id is 'null if there is none, or if it is about the profile in any';

comment on column listener.pending_enrollment.alone is
'was refused while others of the same reason were not: the success of others does not make this one due';

comment on column listener.pending_enrollment.cause is 'what listener.settle is told as the cause when it is tried again';

-- Set-aside work is tried in this order: students not yet due are not read. (With the key as a second column, a plan
-- made while the table was empty looked keys up in here, and read the whole index for each.)
create index pending_enrollment_due on listener.pending_enrollment (next_attempt_at);

-- Deltas whose course row was locked, is missing, or refused the move.
create table listener.pending_count (
    course_id {{course_key_type}} primary key,
    delta bigint not null,
    error text,
    attempts integer not null default 1,
    since timestamptz not null default clock_timestamp(),
    next_attempt_at timestamptz not null
);

create index pending_count_due on listener.pending_count (next_attempt_at);

-- Counts of courses without a column for counts.
create table listener.course_count (
    course_id {{course_key_type}} primary key,
    active_enrollments bigint not null
);

-- Rows that stood in the way of a repair, unchanged.
create table listener.quarantine (
    id bigint primary key generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    reason text not null,
    content jsonb not null
);

-- The cluster that issued the transaction ids in the feed's checkpoints. A logical copy of this database in another
-- cluster has other ids. pg_upgrade makes a new cluster, too, and keeps the ids: there this row's xmin is still the
-- transaction that wrote the row.
create table listener.cluster (
    only_row boolean primary key default true check (only_row),
    system_identifier bigint not null,
    since timestamptz not null default clock_timestamp(),
    written_in xid8 not null default pg_current_xact_id()
);

do $$
begin
    insert into listener.cluster (system_identifier)
    select pg_control_system.system_identifier
    from pg_catalog.pg_control_system();
exception when insufficient_privilege then
    null; -- then a copy is known only by checkpoints in the copy's future
end;
$$;

-- The objects that the adapter's names stand for: a table, a column, an enum's label, by the numbers that a rename does
-- not change. Nothing in this schema depends on a column of the LMS's; `listener.follow()` binds the functions again.
-- (The numbers are plain oids, for the types that look a name up would keep pg_upgrade away.)
create table listener.binding (
    token text primary key,
    table_oid oid not null,
    attnum smallint,
    label_oid oid,
    schema_name text not null,
    table_name text not null,
    name text not null,
    owner text not null,
    kind "char" not null,
    type_oid oid,
    type_modifier integer,
    key_type oid,
    stand_in text,
    setting text not null,
    lost boolean not null default false,
    bare boolean not null default false,
    replaced_oid oid,
    owner_oid oid
);

comment on column listener.binding.token is 'how the adapter''s text names it';
comment on column listener.binding.name is 'the column, the label or the table, as it is called now';
comment on column listener.binding.type_oid is 'the type that the column has; a session''s plans are made for it';
comment on column listener.binding.key_type is 'the type that a key must keep; null where any will do';
comment on column listener.binding.stand_in is 'what is put in the place of a column that can be done without';
comment on column listener.binding.setting is 'the setting that says which it is';
comment on column listener.binding.lost is 'done without since it was dropped';
comment on column listener.binding.replaced_oid is 'the table whose place it took, while triggers of ours are on it';
comment on column listener.binding.owner_oid is 'only its table is read and written, or one of the owner''s of this schema';
comment on column listener.binding.bare is 'a table made again, whose triggers are still to be made';

-- The texts of the adapter's functions and triggers, with tokens for the LMS's names. Used by `listener.bind()`.
create table listener.adapter (
    position integer primary key,
    name text not null,
    on_table text,
    triggers text[] not null default '{}',
    probe text,
    setting text,
    definition text not null
);

comment on column listener.adapter.on_table is 'the token of the table that triggers belong to; null for functions';
comment on column listener.adapter.probe is 'a query that does nothing, and fails if the function cannot work';

-- Notes of triggers that could not read a row of the LMS's. The changes are found in the tables, and made good.
create table listener.blind_note (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    operation text not null,
    sqlstate text not null,
    spans boolean not null default false,
    horizon xid8,
    primary key (xid, id)
);

comment on column listener.blind_note.spans is 'stands for all that was written since that transaction began';
comment on column listener.blind_note.horizon is 'made good once, and again when every transaction before this one is over';

-- The database in which the numbers are right: a copy made by pg_dump has other numbers.
create table listener.bound_in (
    only_row boolean primary key default true check (only_row),
    system_identifier bigint,
    database_oid oid not null,
    trusted_before xid8
);

comment on column listener.bound_in.trusted_before is 'what transactions before this one wrote was written under the names that are bound';

-- The partitions of the LMS's tables that were looked after, and the partitions' files.
create table listener.partition (
    table_oid oid primary key,
    file_node oid,
    attached_by xid
);

-- Reactions that wait until resumed. The leader reads this table in the same statement as a batch.
create table listener.pause (
    consumer text primary key,
    since timestamptz not null default clock_timestamp(),
    paused_by text not null default current_user,
    reason text
);

comment on column listener.pause.consumer is 'its notes wait in the feed, and are kept';
comment on column listener.pause.paused_by is 'the role that asked for it';

-- Enrollments that the listener made, where unwanted enrollments are taken back: no other enrollment ever is.
create table listener.made_enrollment (
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}} not null,
    row_key text,
    made_at timestamptz not null default clock_timestamp(),
    taken_back_at timestamptz,
    held_since timestamptz,
    released_at timestamptz,
    primary key (profile_id, course_id)
);

-- For a course's deletion, or a course's new key.
create index made_enrollment_of_course on listener.made_enrollment (course_id);

-- Few as a rule, or none.
create index made_enrollment_held on listener.made_enrollment (held_since) where held_since is not null;

comment on column listener.made_enrollment.row_key is
'the primary key of that row of the LMS''s, as text: another row of the same pair is somebody else''s';

comment on column listener.made_enrollment.taken_back_at is 'when it was suspended or removed; null while it is as it was made';

comment on column listener.made_enrollment.held_since is
'not wanted any more, and not taken back: more would have been than the brake allows';

comment on column listener.made_enrollment.released_at is 'somebody let it go: it is taken back whatever the brake allows';

-- The brakes, on 'leaving' and on 'joining': how many within ten minutes, or what part of the active enrollments. A session
-- that takes back locks the rows first, so that of two sessions that ask at once both are counted. So does a session that
-- enrolls, where joining has a brake.
create table listener.brake (
    kind text primary key,
    number bigint,
    percent numeric,
    active bigint not null default 0,
    counted_at timestamptz not null default '-infinity'
);

comment on column listener.brake.active is
'how many enrollments were active when they were last counted: all, or, for leaving, those that the listener made';

-- How many enrollments were taken back, or were made where joining has a brake, in slots of ten seconds.
create table listener.brake_use (
    kind text not null,
    slot timestamptz not null default to_timestamp(floor(extract(epoch from clock_timestamp()) / 10) * 10),
    number bigint not null,
    primary key (kind, slot)
);

-- Students who wait for a seat, each in a course, in order of arrival.
create table listener.waiting (
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}} not null,
    place bigint generated always as identity,
    since timestamptz not null default clock_timestamp(),
    primary key (profile_id, course_id)
);

create index waiting_in_line on listener.waiting (course_id, place);

-- Reactions added by `listener install --reactions`: each a single statement that begins with the feed. The leader runs
-- this table's reactions.
create table listener.reaction (
    name text primary key,
    text text not null,
    hash text not null,
    installed_at timestamptz not null default clock_timestamp()
);

comment on column listener.reaction.name is 'its checkpoint in listener.checkpoint, and a pause of it, go by this name';
comment on column listener.reaction.hash is 'SHA-256 of the text: whether a file still says the same';

-- The time up to which notes have been purged: a reaction can handle only younger notes again.
create table listener.purged (
    only_row boolean primary key default true check (only_row),
    latest_note_at timestamptz not null,
    history_from timestamptz
);

insert into listener.purged (latest_note_at) values ('-infinity');

comment on column listener.purged.history_from is 'all that was done since is in the history; null while none is kept';

-- Installed rules: a row for each change of the rule, and the last is in force.
create table listener.rule (
    number integer primary key generated always as identity,
    text text not null,
    settings jsonb not null,
    installed_at timestamptz not null default clock_timestamp(),
    installed_by text not null default session_user
);

comment on column listener.rule.text is 'the rule as a query, as LISTENER_WANTED_QUERY takes it';
comment on column listener.rule.settings is 'the settings about the rule that were given';

-- Actions, each with the rule and the reason: kept only for LISTENER_HISTORY_DAYS, and written by the statement that
-- acts.
create table listener.history (
    id bigint primary key generated always as identity,
    at timestamptz not null default clock_timestamp(),
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}} not null,
    done text not null,
    row_key text,
    status text,
    was jsonb,
    cause text not null,
    rule integer,
    because text
);

-- By hash: a key may be a text of any length. By blocks: times rise with the rows, and so this index costs next to
-- nothing.
create index history_of_profile on listener.history using hash (profile_id);
create index history_at on listener.history using brin (at);

comment on column listener.history.done is 'enrolled, returned, suspended or removed';
comment on column listener.history.row_key is 'the primary key of that row of the LMS''s, as text';
comment on column listener.history.status is 'the status that it had then; null if it was removed';
comment on column listener.history.was is
'what there was before: nothing, the status of the same row, or the whole of the row that was removed';
comment on column listener.history.cause is 'what the LMS''s triggers were told as listener.cause';
comment on column listener.history.because is 'what the rule''s third column said';

-- Profiles that this schema knows, and the LMS no longer has: kept only where LISTENER_FORGET_DAYS sets a time to
-- forget.
create table listener.gone (
    profile_id {{profile_key_type}} primary key,
    since timestamptz not null default clock_timestamp()
);

-- Problems that the leader knows of, and since when: for `listener status`, and for the next leader to go on with.
create table listener.problem (
    code text primary key,
    since timestamptz not null,
    affected bigint not null,
    examples text[] not null default '{}'
);
