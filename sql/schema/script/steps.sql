-- The steps of `listener install`, around the code.

-- name: begin
-- The whole script of `listener install`: all or nothing. Adds schema listener, triggers named listener_* on the LMS's
-- tables and two objects to query beside the tables, and writes to no row of the LMS's. The text is for the database as
-- at printing: print it again to run it again. `listener uninstall` removes everything.
--
-- Each part begins with its line below. Search for "-- ==" to go from part to part:
{{parts}}
begin;

-- A sign-up waits behind us no longer than this for a table's lock. After a failure, run the script again.
set local lock_timeout = '200ms';

-- No function or operator in another schema may stand in for Postgres's own.
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;

-- name: empty_schema
-- An empty schema of this name (maybe from a tool's dump) is dropped; a schema that holds anything is left alone, and
-- ends the script here.
drop schema if exists listener;

-- name: catch_up
-- Rows written while not every name was right, or to a table that was not watched, are made good by the daemon.
do $$
begin
    if to_regprocedure('listener.note_since_trusted(text)') is null then
        return;
    end if;
    if
        not listener.is_bound()
        or exists (
            select
            from unnest(array[{{mapped_tables}}]) as mapped(table_oid)
            where mapped.table_oid::oid not in (select binding.table_oid from listener.binding)
        )
    then
        perform listener.note_since_trusted('install');
    end if;
end;
$$;

-- name: convert_profile_keys
-- Profiles have keys of another type. Where possible the old keys are read as new keys; otherwise notes lose the keys,
-- and all profiles written since the oldest of the notes are looked at again.
do $$
begin
    perform listener.convert_keys('profile_id', $type${{profile_key_type}}$type$, false);
exception when invalid_text_representation or cannot_coerce or numeric_value_out_of_range then
    insert into listener.blind_note (xid, source, operation, sqlstate)
    select change.xid, 'profiles', 'install', '00000'
    from listener.change
    where change.profile_ids is not null
    order by change.xid
    limit 1;
    perform listener.convert_keys('profile_id', $type${{profile_key_type}}$type$, true);
end;
$$;

-- name: convert_course_keys
-- Courses have keys of another type. Where possible the old keys are read as new keys; otherwise deltas mean nothing
-- any more, and the counts are found by counting.
do $$
begin
    perform listener.convert_keys('course_id', $type${{course_key_type}}$type$, false);
exception when invalid_text_representation or cannot_coerce or numeric_value_out_of_range then
    update listener.change set delta = null where change.delta is not null;
    perform listener.convert_keys('course_id', $type${{course_key_type}}$type$, true);
end;
$$;

-- name: convert_keys
-- Gives all our key columns named `key_name`, and lists of keys, another type; forgets the rows with the keys, or only
-- the keys in notes, if the old keys cannot be read as new keys.
create function listener.convert_keys(key_name text, new_type text, forgets boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    kept record;
begin
    for kept in
        select
            class.relname as on_table,
            attribute.attname as name,
            case when attribute.attname = key_name then '' else '[]' end as dimension
        from pg_catalog.pg_attribute as attribute
        inner join pg_catalog.pg_class as class on class.oid = attribute.attrelid
        where
            class.relnamespace = 'listener'::regnamespace::oid
            and class.relkind = 'r'
            and attribute.attname in (key_name, key_name || 's')
            and not attribute.attisdropped
    loop
        if forgets and kept.on_table <> 'change' then
            execute format('delete from listener.%I', kept.on_table);
        end if;
        execute format(
            'alter table listener.%1$I alter column %2$I type %3$s using %4$s::%3$s',
            kept.on_table, kept.name, new_type || kept.dimension,
            case when forgets then 'null' else format('%I::text%s', kept.name, kept.dimension) end
        );
    end loop;
end;
$$;

-- name: keys_converted
drop function listener.convert_keys(text, text, boolean);

-- name: recount
-- Other enrollments count now, or are counted elsewhere: no note tells of existing enrollments.
select listener.note_blindly('enrollments', 'install', '');

-- name: hold_nobody
-- Nothing is taken back any more, so that nothing is held.
update listener.made_enrollment
set held_since = null, released_at = null
where held_since is not null or released_at is not null;

-- name: let_join
-- Joining has no brake any more.
update listener.pending_enrollment
set next_attempt_at = clock_timestamp()
where reason = 'held';

-- name: look_at_everyone
-- Other profiles may be wanted now, or elsewhere: no note tells of existing profiles.
select listener.note_blindly('profiles', 'install', '00000');

-- name: record
insert into listener.installation (version, fingerprint, mapping)
values ({{record}})
on conflict (only_row) do update
set
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    mapping = excluded.mapping,
    installed_at = now();

-- name: record_rule
-- The rule in force from here on, since when, and by which role; nothing if the rule is the same as before.
insert into listener.rule (text, settings)
select now_in_force.text, now_in_force.settings
from (values ({{rule_text}}, {{rule_settings}}::jsonb)) as now_in_force(text, settings)
where not exists (
    select
    from (select rule.text, rule.settings from listener.rule order by rule.number desc limit 1) as before
    where before.text = now_in_force.text and before.settings = now_in_force.settings
);

-- name: history_begins
update listener.purged
set history_from = clock_timestamp()
where purged.history_from is null;

-- name: history_ends
-- The history is not kept any more. (Deleted, not truncated: a reader is not disturbed.)
delete from listener.history;
update listener.purged
set history_from = null
where purged.history_from is not null;

-- name: first_checkpoints
-- The built-in reactions begin with notes from here on, this transaction's own notes included.
insert into listener.checkpoint (consumer, seq, handled)
select consumer.name, 0, listener.seen(pg_current_snapshot())
from unnest(array['enroll', 'count']) as consumer(name)
where not exists (select from listener.checkpoint where checkpoint.consumer = consumer.name);

-- name: first_partitions
-- The partitions at the first installation: students in later partitions are noted.
insert into listener.partition (table_oid, file_node, attached_by)
select now.table_oid, now.file_node, now.attached_by
from listener.partitions() as now
where not exists (select from listener.partition);

-- name: rights
-- Everything here is the owner's alone, under any default privileges.
do $$
declare
    grantee text;
    hidden regclass;
begin
    -- A dashboard offers to switch on row-level security: without a policy it hides all rows from the daemon's role.
    for hidden in
        select class.oid
        from pg_catalog.pg_class as class
        where class.relnamespace = 'listener'::regnamespace::oid and class.relrowsecurity
    loop
        execute format('alter table %s disable row level security', hidden);
    end loop;
    for grantee in
        select distinct coalesce(quote_ident(role.rolname), 'public')
        from (
            select relacl as acl, relowner as owner from pg_catalog.pg_class where relnamespace = 'listener'::regnamespace::oid
            union all
            select proacl, proowner from pg_catalog.pg_proc where pronamespace = 'listener'::regnamespace::oid
            union all
            select nspacl, nspowner from pg_catalog.pg_namespace where nspname = 'listener'
        ) as object
        cross join lateral aclexplode(object.acl) as entry
        left join pg_catalog.pg_roles as role on role.oid = entry.grantee
        where entry.grantee <> object.owner
        union
        select 'public'
    loop
        execute format('revoke all on schema listener from %s cascade', grantee);
        execute format('revoke all on all tables in schema listener from %s cascade', grantee);
        execute format('revoke all on all sequences in schema listener from %s cascade', grantee);
        execute format('revoke all on all functions in schema listener from %s cascade', grantee);
    end loop;
end;
$$;

-- name: grants
-- Rights of the daemon under a role of its own: to read our tables, but for the LMS's rows that were put away or
-- removed, and the doors. The role writes nothing by itself.
grant usage on schema listener to {{grantees}};
grant select on all tables in schema listener to {{grantees}};
revoke select on listener.quarantine, listener.history from {{grantees}};

-- name: index
-- Every statement of the daemon looks up enrollments by profile.
create index if not exists listener_enrollment_profile on {{enrollment_table}} ({{enrollment_profile_name}});

-- name: index_comment
-- A table made like the LMS's gets an index like ours, with the comment: uninstall knows both by the comment, and by
-- the owner. (An index of that name may be older, and not ours.)
do $$
begin
    if exists (
        select
        from pg_catalog.pg_index as index
        inner join pg_catalog.pg_class as class on class.oid = index.indexrelid
        where
            class.relname = 'listener_enrollment_profile'
            and index.indrelid = $name${{enrollment_table}}$name$::regclass::oid
    ) then
        comment on index {{lms_schema}}.listener_enrollment_profile is 'made by listener install';
    end if;
end;
$$;

-- name: index_concurrently
-- Every statement of the daemon looks up enrollments by profile. The table is large, so that the index is built while
-- other sessions write; this cannot be part of a transaction.
create index concurrently if not exists listener_enrollment_profile on {{enrollment_table}} ({{enrollment_profile_name}});
