-- What each name in the adapter stands for: a table, a column, an enum's label, by the numbers that stay the same when
-- it is renamed. Nothing in this schema depends on a column of the LMS's; `listener.follow()` binds its functions anew.
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
    replaced_oid oid
);

comment on column listener.binding.token is 'how the adapter''s text names it';
comment on column listener.binding.name is 'the column, the label or the table, as it is called now';
comment on column listener.binding.type_oid is 'the type that the column has; a session''s plans are made for it';
comment on column listener.binding.key_type is 'the type that a key must keep; null where any will do';
comment on column listener.binding.stand_in is 'what is put in the place of a column that can be done without';
comment on column listener.binding.setting is 'the setting that says which it is';
comment on column listener.binding.lost is 'done without since it was dropped';
comment on column listener.binding.replaced_oid is 'the table whose place it took, while triggers of ours are on it';
comment on column listener.binding.bare is 'a table made anew, whose triggers are still to be made';

-- The adapter's functions and triggers as text, with tokens for the LMS's names. `listener.bind()` makes them from it.
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

-- Notes of triggers that could not read a row of the LMS's. What they stand for is found in the tables, and made good.
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

-- In which database the numbers are right: a copy made by pg_dump has others.
create table listener.bound_in (
    only_row boolean primary key default true check (only_row),
    system_identifier bigint,
    database_oid oid not null,
    trusted_before xid8
);

comment on column listener.bound_in.trusted_before is 'what transactions before this one wrote was written under the names that are bound';

-- What was set aside is tried in this order: what is not due is not read. (With the key as a second column, a plan made
-- while the table was empty looked keys up in here, and read all of it for each.)
create index pending_count_due on listener.pending_count (next_attempt_at);

drop index listener.pending_enrollment_due;

create index pending_enrollment_due on listener.pending_enrollment (next_attempt_at);
