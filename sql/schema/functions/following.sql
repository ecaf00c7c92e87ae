-- Names or numbers that differ from the bound. (A session that has once read a row goes on to read by the old type, and
-- fails, until its functions are new.)
create or replace function listener.renames()
returns table (what text, was text, is_now text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select told.what, told.was, told.is_now
    from listener.bound_now() as now
    inner join listener.binding on binding.token = now.token
    cross join lateral (
        select
            now.schema_name || '.' || now.table_name as is_now,
            binding.schema_name || '.' || binding.table_name as was,
            binding.attnum is null as is_table,
            binding.attnum is not null and now.problem is null as is_whole,
            binding.attnum is not null and now.problem is null and binding.label_oid is null and now.name is not null as is_column
    ) as bound
    cross join lateral (
        values
            (1, 'table', bound.was, bound.is_now, bound.is_table and bound.is_now <> bound.was),
            (2, 'table replaced', bound.was, bound.is_now, bound.is_table and now.moved),
            (
                3,
                case when now.name is null then 'done without' when binding.label_oid is not null then 'value' else 'column' end,
                bound.is_now || '.' || binding.name,
                coalesce(now.name, 'nothing'),
                bound.is_whole and now.name is distinct from binding.name and not (binding.lost and now.name is null)
            ),
            (
                4, 'column replaced', bound.is_now || '.' || binding.name, now.name,
                bound.is_column and now.name = binding.name and now.attnum <> binding.attnum
            ),
            (
                5, 'type', bound.is_now || '.' || now.name, format_type(now.type_oid, now.type_modifier),
                bound.is_column
                and (now.type_oid, now.type_modifier) is distinct from (binding.type_oid, binding.type_modifier)
            )
    ) as told (place, what, was, is_now, holds)
    where now.table_oid is not null and told.holds
    order by told.place
$$;

-- Locks a table, but never stands in line for the lock: the next in line would wait behind us. Raises
-- lock_not_available if the table is busy each time.
create or replace function listener.lock_without_waiting(table_oid oid, mode text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    for attempt in 1..20 loop
        begin
            execute format('lock table %s in %s mode nowait', table_oid::regclass, mode);
            return;
        exception when lock_not_available then
            if attempt = 20 then
                raise;
            end if;
            perform pg_sleep(0.005);
        end;
    end loop;
end;
$$;

-- Makes the triggers of tables that replaced other tables, and removes the triggers of replaced tables, where no
-- session is at work on the table. The rest is tried again with the next heartbeat. Returns whether anything was done.
create or replace function listener.move_triggers() returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    bound listener.binding;
    old_trigger text;
    is_done boolean := false;
begin
    for bound in select * from listener.binding where binding.bare or binding.replaced_oid is not null loop
        if bound.bare then
            begin
                perform listener.lock_without_waiting(bound.table_oid, 'share row exclusive');
                perform listener.bind(bound.token);
                update listener.binding set bare = false where binding.token = bound.token;
                is_done := true;
            exception when assert_failure or others then
                -- Until then the triggers are reported as missing.
                continue;
            end;
        end if;
        begin
            for old_trigger in
                select format('drop trigger %I on %s', pg_trigger.tgname, pg_trigger.tgrelid::regclass)
                from pg_catalog.pg_trigger
                inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
                where
                    pg_trigger.tgrelid = bound.replaced_oid
                    and pg_trigger.tgparentid = 0
                    and pg_proc.pronamespace = 'listener'::regnamespace::oid
            loop
                perform listener.lock_without_waiting(bound.replaced_oid, 'access exclusive');
                execute old_trigger;
                is_done := true;
            end loop;
            update listener.binding set replaced_oid = null where binding.token = bound.token;
        exception when assert_failure or others then
            continue;
        end;
    end loop;
    return is_done;
end;
$$;

-- Rows written since notes could last be trusted are looked at, and made good.
create or replace function listener.note_since_trusted(operation text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
    insert into listener.blind_note (xid, source, operation, sqlstate, spans)
    select bound_in.trusted_before, made.source, note_since_trusted.operation, '00000', true
    from listener.bound_in
    cross join unnest(array['profiles', 'enrollments', 'courses']) as made(source)
    where
        bound_in.trusted_before is not null
        and bound_in.system_identifier is not distinct from listener.cluster_identifier()
$$;

-- In this database the numbers are right. In a copy of another database, no transaction's notes can be trusted yet.
create or replace function listener.record_database() returns void
language sql set search_path = pg_catalog, pg_temp as $$
    insert into listener.bound_in (system_identifier, database_oid, trusted_before)
    select listener.cluster_identifier(), pg_database.oid, pg_snapshot_xmin(pg_current_snapshot())
    from pg_catalog.pg_database
    where pg_database.datname = current_database()
    on conflict (only_row) do update
    set
        system_identifier = excluded.system_identifier,
        database_oid = excluded.database_oid,
        trusted_before = case
            when bound_in.system_identifier is not distinct from excluded.system_identifier then bound_in.trusted_before
        end
$$;

-- Called now and then while all is well: a session that could write under names that are not bound was still at work in
-- this statement's snapshot, or has yet to begin. (In a copy of the database, the numbers are right from now on.)
create or replace function listener.trust_notes() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    update listener.bound_in
    set
        system_identifier = listener.cluster_identifier(),
        database_oid = here.oid,
        trusted_before = pg_snapshot_xmin(pg_current_snapshot())
    from pg_catalog.pg_database as here
    where here.datname = current_database() and listener.is_bound()
$$;

-- Binds everything again to the numbers' present names, and tells the changes. Rows written meanwhile are left to be
-- made good. A table that was made again gets its triggers as soon as no session is at work on the table.
create or replace function listener.follow()
returns table (what text, was text, is_now text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    is_new boolean := false;
begin
    -- Singly. No advisory lock: any login could hold that lock, and nothing would ever be followed.
    begin
        lock table listener.adapter in share update exclusive mode nowait;
    exception when lock_not_available then
        return;
    end;
    return query select renames.* from listener.renames();
    if found then
        with now as materialized (
            select bound.*, bound.problem is null as whole from listener.bound_now() as bound
        )
        update listener.binding
        set
            table_oid = now.table_oid,
            schema_name = now.schema_name,
            table_name = now.table_name,
            name = case when now.whole then coalesce(now.name, binding.name) else binding.name end,
            owner = case when now.whole then pg_get_userbyid(now.owner_oid) else binding.owner end,
            owner_oid = case when now.whole then now.owner_oid else binding.owner_oid end,
            attnum = case
                when binding.attnum is not null and now.attnum is null and now.moved then 0
                when now.whole then coalesce(now.attnum, binding.attnum)
                else binding.attnum
            end,
            label_oid = case when now.whole then coalesce(now.label_oid, binding.label_oid) else binding.label_oid end,
            type_oid = case when now.whole then now.type_oid else binding.type_oid end,
            type_modifier = case when now.whole then now.type_modifier else binding.type_modifier end,
            lost = binding.stand_in is not null and binding.attnum is not null and now.attnum is null,
            replaced_oid = case
                when binding.attnum is null and now.moved and not listener.is_a_copy() then binding.table_oid
                else binding.replaced_oid
            end,
            bare = binding.bare or (
                binding.attnum is null
                and now.moved
                and exists (select from listener.adapter where adapter.on_table = binding.token)
                and not exists (
                    select
                    from pg_catalog.pg_trigger
                    inner join listener.adapter on adapter.on_table = binding.token
                    where pg_trigger.tgrelid = now.table_oid and pg_trigger.tgname = any (adapter.triggers)
                )
            )
        from now
        where now.token = binding.token and now.table_oid is not null;
        perform set_config('listener.passed_over', '', true);
        perform listener.bind();
        is_new := true;
        if current_setting('listener.passed_over') <> '' then
            return query
            select 'passed over', current_setting('listener.passed_over'), current_user || ' may not create in its schema';
        end if;
    end if;
    is_new := listener.move_triggers() or is_new;
    -- Rows written while triggers of ours are disabled are made good as soon as the triggers fire again.
    if
        exists (
            select
            from listener.missing_triggers() as missing
            inner join listener.binding on binding.token = missing.token
            where not binding.bare
        )
        and not exists (select from listener.blind_note where blind_note.operation = 'disabled')
    then
        perform listener.note_since_trusted('disabled');
    end if;
    if is_new then
        perform listener.note_since_trusted('follow');
        perform listener.record_database();
    end if;
end;
$$;
