-- The adapter's functions name the LMS's tables and columns in their bodies, which Postgres reads when they run. So
-- nothing here keeps a column from being renamed, altered or dropped, and after a rename they are bound anew.

-- A table of the LMS's must be the one that it was when the function was bound: a stranger's table of the same name
-- would have its triggers run with the owner's rights.
create or replace function listener.expect(table_name text, table_oid oid) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if to_regclass(table_name)::oid is distinct from table_oid then
        raise undefined_table using message = format('%s is not the table that the listener was bound to', table_name);
    end if;
end;
$$;

-- A trigger could not read a row: what happened is found in the tables, later. One for each transaction will do.
create or replace function listener.note_blindly(source text, operation text, sqlstate text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (
        select from listener.blind_note
        where blind_note.xid = pg_current_xact_id() and blind_note.source = note_blindly.source
    ) then
        return;
    end if;
    insert into listener.blind_note (source, operation, sqlstate)
    values (note_blindly.source, note_blindly.operation, note_blindly.sqlstate);
    {{ring}}
end;
$$;

-- Makes the adapter's functions from their texts and the names that are bound; `for_table` makes that table's triggers.
create or replace function listener.bind(for_table text default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp set check_function_bodies = off as $$
declare
    piece text;
    bound listener.binding;
begin
    for piece in
        select adapter.definition
        from listener.adapter
        where adapter.on_table is not distinct from for_table
        order by adapter.position
    loop
        for bound in select * from listener.binding loop
            if bound.lost then
                piece := regexp_replace(piece, '\m\w+\."\{' || bound.token || '\}"', bound.stand_in, 'g');
            end if;
            piece := replace(piece, '"{' || bound.token || ':schema}"', quote_ident(bound.schema_name));
            piece := replace(piece, '"{' || bound.token || ':table}"', quote_ident(bound.table_name));
            piece := replace(
                piece, '{' || bound.token || ':name}',
                replace(format('%I.%I', bound.schema_name, bound.table_name), '''', '''''')
            );
            piece := replace(piece, '{' || bound.token || ':oid}', bound.table_oid::text);
            piece := replace(piece, '"{' || bound.token || '}"', quote_ident(bound.name));
            piece := replace(piece, '''{' || bound.token || '}''', quote_literal(bound.name));
        end loop;
        execute piece;
    end loop;
end;
$$;

-- Which cluster this is; null where that may not be known.
create or replace function listener.cluster_identifier() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (select pg_control_system.system_identifier from pg_catalog.pg_control_system());
exception when insufficient_privilege then
    return null;
end;
$$;

-- What is bound, as the catalogue has it now. What was renamed or moved is known by its number. A table that is gone may
-- have been made anew: under its name, by the same owner. A column that is gone may have been, too. In a copy of the
-- database the numbers mean nothing, and names are all there is.
create or replace function listener.bound_now()
returns table (
    token text, table_oid oid, attnum smallint, label_oid oid, schema_name text, table_name text, name text,
    moved boolean, problem text
)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with here as (
        select
            bound_in.database_oid is distinct from (
                select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
            )
            or bound_in.system_identifier <> listener.cluster_identifier() as is_a_copy
        from listener.bound_in
    ),

    bound_table as (
        select distinct on (binding.table_oid)
            binding.table_oid,
            binding.schema_name,
            binding.table_name,
            binding.owner,
            binding.kind
        from listener.binding
        order by binding.table_oid
    ),

    found_table as materialized (
        select
            bound_table.table_oid as bound_oid,
            class.oid as table_oid,
            namespace.nspname::text as schema_name,
            class.relname::text as table_name,
            case
                when class.oid is null then format('table %s.%s is gone', bound_table.schema_name, bound_table.table_name)
                when class.relkind <> bound_table.kind or class.relispartition
                    then format('%s.%s is another kind of table now', namespace.nspname, class.relname)
            end as problem
        from bound_table
        cross join here
        left join pg_catalog.pg_class as same on same.oid = bound_table.table_oid
        left join pg_catalog.pg_class as namesake
            on namesake.oid = to_regclass(format('%I.%I', bound_table.schema_name, bound_table.table_name))
            and (
                here.is_a_copy
                or (
                    same.oid is null
                    and namesake.relkind = bound_table.kind
                    and (
                        pg_get_userbyid(namesake.relowner) in (bound_table.owner, current_user)
                        or (select owner.rolsuper from pg_catalog.pg_roles as owner where owner.oid = namesake.relowner)
                    )
                )
            )
        left join pg_catalog.pg_class as class
            on class.oid = case when here.is_a_copy then coalesce(namesake.oid, same.oid) else coalesce(same.oid, namesake.oid) end
        left join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    ),

    found_column as materialized (
        select
            binding.token,
            found_table.table_oid,
            found_table.schema_name,
            found_table.table_name,
            found_table.problem as table_problem,
            attribute.attnum,
            attribute.attname::text as name,
            attribute.atttypid,
            case when type.typbasetype <> 0 then type.typbasetype else type.oid end as base_type
        from listener.binding
        inner join found_table on found_table.bound_oid = binding.table_oid
        left join listener.binding as of_label
            on binding.label_oid is not null and of_label.token = split_part(binding.token, '=', 1)
        left join pg_catalog.pg_attribute as same
            on found_table.table_oid = binding.table_oid
            and same.attrelid = found_table.table_oid
            and same.attnum = binding.attnum
            and not same.attisdropped
        left join pg_catalog.pg_attribute as namesake
            on same.attnum is null
            and namesake.attrelid = found_table.table_oid
            and namesake.attname = coalesce(of_label.name, binding.name)
            and namesake.attnum > 0
            and not namesake.attisdropped
        left join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = found_table.table_oid
            and attribute.attnum = coalesce(same.attnum, namesake.attnum)
        left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
    )

    select
        binding.token,
        found_column.table_oid,
        case when binding.attnum is not null then found_column.attnum end,
        label.oid,
        found_column.schema_name,
        found_column.table_name,
        case
            when binding.attnum is null then found_column.table_name
            when binding.label_oid is null then found_column.name
            else coalesce(label.enumlabel::text, binding.name)
        end,
        found_column.table_oid is distinct from binding.table_oid,
        case
            when found_column.table_problem is not null then found_column.table_problem
            when binding.attnum is null then null
            when found_column.attnum is null and (binding.stand_in is not null or binding.label_oid is not null) then null
            when found_column.attnum is null
                then format('column %s of %s.%s is gone', binding.name, found_column.schema_name, found_column.table_name)
            when binding.key_type is not null and found_column.base_type <> binding.key_type
                then format(
                    'column %s of %s.%s is of type %s now, not %s', found_column.name, found_column.schema_name,
                    found_column.table_name, format_type(found_column.base_type, null), format_type(binding.key_type, null)
                )
            when binding.label_oid is not null and label.oid is null and is_enum.oid is not null
                then format('%s has no value %L any more', format_type(is_enum.oid, null), binding.name)
        end
    from listener.binding
    inner join found_column on found_column.token = binding.token
    left join pg_catalog.pg_type as is_enum
        on binding.label_oid is not null and is_enum.oid = found_column.base_type and is_enum.typtype = 'e'
    left join lateral (
        select enum.oid, enum.enumlabel
        from pg_catalog.pg_enum as enum
        where
            enum.enumtypid = is_enum.oid
            and (enum.oid = binding.label_oid or enum.enumlabel = binding.name)
        order by enum.oid = binding.label_oid desc
        limit 1
    ) as label on true
$$;

-- Triggers of ours that are missing, or do not fire; on partitions, too, where each may be disabled on its own.
create or replace function listener.missing_triggers()
returns table (token text, name text, table_oid oid, disabled_by bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with recursive wanted as (
        select
            adapter.on_table as token,
            trigger_name.name,
            binding.table_oid,
            binding.kind
        from listener.adapter
        inner join listener.binding on binding.token = adapter.on_table
        cross join lateral unnest(adapter.triggers) as trigger_name(name)
    ),

    part as (
        select distinct
            wanted.table_oid as root_oid,
            wanted.table_oid
        from wanted
        where wanted.kind = 'p'
        union all
        select
            part.root_oid,
            pg_inherits.inhrelid
        from part
        inner join pg_catalog.pg_inherits on pg_inherits.inhparent = part.table_oid
    ),

    disabled_clone as (
        select
            wanted.token,
            wanted.name,
            part.table_oid,
            age(pg_trigger.xmin)::bigint as disabled_by
        from wanted
        inner join part on part.root_oid = wanted.table_oid and part.table_oid <> wanted.table_oid
        inner join pg_catalog.pg_trigger on pg_trigger.tgrelid = part.table_oid
        inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
        where
            pg_trigger.tgname = wanted.name
            and pg_trigger.tgparentid <> 0
            and pg_trigger.tgenabled not in ('O', 'A')
            and pg_proc.pronamespace = 'listener'::regnamespace
    )

    select
        wanted.token,
        wanted.name,
        wanted.table_oid,
        age(pg_trigger.xmin)::bigint
    from wanted
    left join pg_catalog.pg_trigger on pg_trigger.tgrelid = wanted.table_oid and pg_trigger.tgname = wanted.name
    where coalesce(pg_trigger.tgenabled not in ('O', 'A'), true)
    union all
    select
        disabled_clone.token,
        disabled_clone.name,
        disabled_clone.table_oid,
        disabled_clone.disabled_by
    from disabled_clone
$$;

-- Tables of which row-level security hides rows from the owner of these functions: nobody there would be seen.
create or replace function listener.hidden_tables()
returns table (token text, schema_name text, table_name text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select
        binding.token,
        binding.schema_name,
        binding.table_name
    from listener.binding
    where binding.attnum is null and binding.setting <> '' and row_security_active(binding.table_oid)
$$;

-- Whether every name is bound to what it was bound to, asked with each heartbeat.
create or replace function listener.is_bound() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select not exists (
        select
        from listener.bound_now() as bound
        inner join listener.binding on binding.token = bound.token
        where
            bound.problem is not null
            or bound.table_oid <> binding.table_oid
            or bound.schema_name <> binding.schema_name
            or bound.table_name <> binding.table_name
            or bound.name <> binding.name
            or bound.attnum is distinct from case when not binding.lost then binding.attnum end
    )
    and not exists (select from listener.missing_triggers())
    and not exists (select from listener.hidden_tables())
$$;

-- What keeps the adapter from working, and the setting that would help; no row if nothing does. Changes nothing.
create or replace function listener.binding_problems()
returns table (problem text, setting text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    piece listener.adapter;
begin
    return query
    select distinct on (bound.problem) bound.problem, binding.setting
    from listener.bound_now() as bound
    inner join listener.binding on binding.token = bound.token
    where bound.problem is not null
    order by bound.problem, binding.attnum nulls first;
    if found then
        return;
    end if;
    return query
    select format('%s.%s was made anew, and cannot have triggers yet', bound.schema_name, bound.table_name), ''
    from listener.bound_now() as bound
    inner join listener.binding on binding.token = bound.token
    where bound.attnum is null and binding.attnum is null and bound.moved;
    if found then
        return;
    end if;
    return query
    select
        format('trigger %s on %s is missing or disabled', missing.name, coalesce(
            (
                select format('%s.%s', namespace.nspname, class.relname)
                from pg_catalog.pg_class as class
                inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
                where class.oid = missing.table_oid
            ),
            missing.token
        )), ''
    from listener.missing_triggers() as missing;
    return query
    select
        format(
            'row-level security hides rows of %s.%s from %s, whose functions read it',
            hidden.schema_name, hidden.table_name, current_user
        ), ''
    from listener.hidden_tables() as hidden;
    for piece in select * from listener.adapter where adapter.probe is not null order by adapter.position loop
        begin
            execute piece.probe;
        exception when others then
            problem := sqlerrm;
            setting := piece.setting;
            return next;
        end;
    end loop;
end;
$$;

-- Locks a table as CREATE TRIGGER does, but never stands in line for it: whoever came next would wait behind us. False
-- if the table is busy each time, or may not have triggers of ours.
create or replace function listener.lock_without_waiting(table_oid oid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not has_table_privilege(table_oid, 'trigger') then
        return false;
    end if;
    for attempt in 1..20 loop
        begin
            execute format('lock table %s in share row exclusive mode nowait', table_oid::regclass);
            return true;
        exception
            when lock_not_available then
                perform pg_sleep(0.005);
            when insufficient_privilege then
                return false;
        end;
    end loop;
    return false;
end;
$$;

-- Binds everything anew to the names that the numbers have now, and says what became what. What was written meanwhile
-- is left to be made good, by a blind note that says since when.
create or replace function listener.follow()
returns table (what text, was text, is_now text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    bound record;
    since xid8;
    anew text[] := '{}';
    remade text;
begin
    if not pg_try_advisory_xact_lock({{lock_class}}, {{bind_lock}}) then
        return;
    end if;
    -- A table that was made anew has no triggers of ours. While it is busy nothing is bound: the next look tries again.
    for bound in
        select now.table_oid
        from listener.bound_now() as now
        inner join listener.adapter on adapter.on_table = now.token
        where
            now.moved
            and now.problem is null
            and not exists (
                select from pg_catalog.pg_trigger
                where pg_trigger.tgrelid = now.table_oid and pg_trigger.tgname = any (adapter.triggers)
            )
        order by now.table_oid
    loop
        if not listener.lock_without_waiting(bound.table_oid) then
            return;
        end if;
    end loop;
    for bound in
        select
            now.*,
            binding.schema_name as was_schema,
            binding.table_name as was_table,
            binding.name as was_name,
            binding.attnum as was_attnum,
            binding.lost as was_lost,
            binding.stand_in
        from listener.bound_now() as now
        inner join listener.binding on binding.token = now.token
        where now.table_oid is not null
        order by now.attnum nulls first, now.token
    loop
        continue when bound.problem is not null and not (bound.was_attnum is null);
        if bound.was_attnum is null and (bound.schema_name, bound.table_name) <> (bound.was_schema, bound.was_table) then
            what := 'table';
            was := bound.was_schema || '.' || bound.was_table;
            is_now := bound.schema_name || '.' || bound.table_name;
            return next;
        end if;
        if bound.was_attnum is null and bound.moved then
            what := 'table made anew';
            was := bound.was_schema || '.' || bound.was_table;
            is_now := bound.schema_name || '.' || bound.table_name;
            return next;
            anew := anew || bound.token;
        end if;
        if bound.was_attnum is not null and bound.name is distinct from bound.was_name and not (bound.was_lost and bound.name is null) then
            what := case when bound.name is null then 'done without' when bound.label_oid is null then 'column' else 'value' end;
            was := bound.schema_name || '.' || bound.table_name || '.' || bound.was_name;
            is_now := coalesce(bound.name, 'nothing');
            return next;
        elsif bound.was_attnum is not null and bound.attnum <> bound.was_attnum and bound.label_oid is null then
            what := 'column made anew';
            was := bound.schema_name || '.' || bound.table_name || '.' || bound.was_name;
            is_now := bound.name;
            return next;
        end if;
    end loop;

    -- The oldest transaction that may have found other names than were bound.
    select least((select blind_note.xid from listener.blind_note order by blind_note.xid limit 1), (
        select (
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint - max(age(changed.xid)) - 1
        )::text::xid8
        from (
            select class.xmin as xid
            from listener.bound_now() as now
            inner join listener.binding on binding.token = now.token
            inner join pg_catalog.pg_class as class on class.oid = now.table_oid
            where now.schema_name <> binding.schema_name or now.table_name <> binding.table_name
            union all
            -- A table that was made anew has been there since its system columns were, which nothing alters.
            select attribute.xmin
            from listener.bound_now() as now
            inner join listener.binding on binding.token = now.token
            inner join pg_catalog.pg_attribute as attribute
                on attribute.attrelid = now.table_oid and attribute.attnum < 0
            where now.table_oid <> binding.table_oid
            union all
            select attribute.xmin
            from listener.bound_now() as now
            inner join listener.binding on binding.token = now.token
            inner join pg_catalog.pg_attribute as attribute
                on attribute.attrelid = now.table_oid
                and (attribute.attnum = now.attnum or attribute.attname = binding.name)
            where now.name is distinct from binding.name or now.attnum is distinct from binding.attnum
        ) as changed
    ))
    into since;

    with now as materialized (
        select * from listener.bound_now()
    )
    update listener.binding
    set
        table_oid = now.table_oid,
        schema_name = now.schema_name,
        table_name = now.table_name,
        name = case when now.problem is null then coalesce(now.name, binding.name) else binding.name end,
        attnum = case
            when binding.attnum is not null and now.attnum is null and now.moved then 0
            when now.problem is null then coalesce(now.attnum, binding.attnum)
            else binding.attnum
        end,
        label_oid = case when now.problem is null then coalesce(now.label_oid, binding.label_oid) else binding.label_oid end,
        lost = binding.stand_in is not null and binding.attnum is not null and now.attnum is null
    from now
    where now.token = binding.token and now.table_oid is not null;

    -- What is written while triggers of ours are disabled is made good as soon as they fire again.
    insert into listener.blind_note (xid, source, operation, sqlstate)
    select disabled.since, made.source, 'disabled', '00000'
    from (
        select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - max(missing.disabled_by) - 1)::text::xid8 as since
        from listener.missing_triggers() as missing
    ) as disabled
    cross join unnest(array['profiles', 'enrollments', 'courses']) as made(source)
    where
        disabled.since is not null
        and not exists (
            select from listener.blind_note
            where
                blind_note.xid <= disabled.since
                and blind_note.source = made.source
                and blind_note.operation = 'disabled'
        );

    if what is null then
        return;
    end if;
    if exists (select from listener.bound_in where system_identifier <> listener.cluster_identifier()) then
        since := null;
    end if;
    {{record_database}}
    perform listener.bind();
    foreach remade in array anew loop
        if not exists (
            select
            from listener.adapter
            inner join listener.binding on binding.token = adapter.on_table
            inner join pg_catalog.pg_trigger on pg_trigger.tgrelid = binding.table_oid
            where adapter.on_table = remade and pg_trigger.tgname = any (adapter.triggers)
        ) then
            perform listener.bind(remade);
        end if;
    end loop;
    insert into listener.blind_note (xid, source, operation, sqlstate)
    select since, made.source, 'follow', '00000'
    from unnest(array['profiles', 'enrollments', 'courses']) as made(source)
    where since is not null;
end;
$$;
