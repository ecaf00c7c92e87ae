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
            piece := replace(piece, '{' || bound.token || ':attnum}', coalesce(bound.attnum::text, '0'));
            piece := replace(
                piece, '{' || bound.token || ':identity}',
                replace(format('%I.%I.%I', bound.schema_name, bound.table_name, bound.name), '''', '''''')
            );
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

-- Whether this is a copy of the database that was installed: numbers mean nothing here, and names are all there is.
create or replace function listener.is_a_copy() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select
        bound_in.database_oid is distinct from (
            select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
        )
        or coalesce(bound_in.system_identifier <> listener.cluster_identifier(), false)
    from listener.bound_in
$$;

-- Whether a table that has the name of a bound one, which is still there under another, is what the LMS works with now:
-- it has every column that cannot be done without, and enrollments do not refer to the other.
create or replace function listener.takes_the_place(newcomer oid, bound_table oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select not exists (
        select from listener.binding where binding.table_oid = newcomer
    )
    and not exists (
        select
        from listener.binding
        inner join pg_catalog.pg_constraint as foreign_key
            on foreign_key.conrelid = coalesce(
                to_regclass(format('%I.%I', binding.schema_name, binding.table_name))::oid, binding.table_oid
            )
        where
            binding.attnum is null
            and foreign_key.contype = 'f'
            and foreign_key.confrelid = bound_table
            and foreign_key.conrelid <> bound_table
    )
    and not exists (
        select
        from listener.binding
        left join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = newcomer
            and attribute.attname = binding.name
            and attribute.attnum > 0
            and not attribute.attisdropped
        left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
        where
            binding.table_oid = bound_table
            and binding.attnum is not null
            and binding.label_oid is null
            and binding.stand_in is null
            and (
                attribute.attnum is null
                or coalesce(nullif(type.typbasetype, 0), type.oid) <> binding.key_type
            )
    )
$$;

-- What is bound, as the catalogue has it now. What was renamed or moved is known by its number. A table that is gone, or
-- was renamed, may have been made anew: under its name, by the same owner, with all of the columns. A column that is gone
-- may have been made anew, too.
create or replace function listener.bound_now()
returns table (
    token text, table_oid oid, attnum smallint, label_oid oid, schema_name text, table_name text, name text,
    type_oid oid, type_modifier integer, moved boolean, problem text
)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
    with bound_table as (
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
        cross join (select listener.is_a_copy() as is_a_copy) as here
        left join pg_catalog.pg_class as same on same.oid = bound_table.table_oid
        left join pg_catalog.pg_class as namesake
            on namesake.oid = to_regclass(format('%I.%I', bound_table.schema_name, bound_table.table_name))
            and (
                here.is_a_copy
                or (
                    namesake.oid is distinct from same.oid
                    and (same.oid is null or listener.takes_the_place(namesake.oid, bound_table.table_oid))
                    and namesake.relkind = bound_table.kind
                    and (
                        pg_get_userbyid(namesake.relowner) in (bound_table.owner, current_user)
                        or (select owner.rolsuper from pg_catalog.pg_roles as owner where owner.oid = namesake.relowner)
                    )
                )
            )
        left join pg_catalog.pg_class as class on class.oid = coalesce(namesake.oid, same.oid)
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
            attribute.atttypmod,
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
        case when binding.attnum is not null then found_column.atttypid end,
        case when binding.attnum is not null then found_column.atttypmod end,
        found_column.table_oid is distinct from binding.table_oid,
        case
            -- Nothing is read of a table that only had a trigger which was taken over.
            when binding.attnum is null and binding.setting = '' then null
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
returns table (token text, name text, table_oid oid)
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
            part.table_oid
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
        wanted.table_oid
    from wanted
    left join pg_catalog.pg_trigger on pg_trigger.tgrelid = wanted.table_oid and pg_trigger.tgname = wanted.name
    where coalesce(pg_trigger.tgenabled not in ('O', 'A'), true)
    union all
    select
        disabled_clone.token,
        disabled_clone.name,
        disabled_clone.table_oid
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
            or (bound.type_oid, bound.type_modifier) is distinct from (binding.type_oid, binding.type_modifier)
            or binding.bare
            or binding.replaced_oid is not null
    )
    and not exists (select from listener.missing_triggers())
    and not exists (select from listener.hidden_tables())
$$;

-- Of the tables and columns that the query of who should be where reads, by the names that it has for them, those that are
-- not there any more; null if all are.
create or replace function listener.unread_by_query() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    with read as (
        select
            watched.details #>> '{table,schema}' as schema_name,
            watched.details #>> '{table,name}' as table_name,
            watched.details -> 'columns' as columns
        from listener.installation
        cross join jsonb_array_elements(installation.mapping -> 'watched') as watched(details)
    ),

    unread as (
        select format('table %s.%s', read.schema_name, read.table_name) as what
        from read
        where to_regclass(format('%I.%I', read.schema_name, read.table_name)) is null
        union all
        select format('column %s of %s.%s', name.text, read.schema_name, read.table_name)
        from read
        cross join jsonb_array_elements_text(read.columns) as name(text)
        where
            to_regclass(format('%I.%I', read.schema_name, read.table_name)) is not null
            and not exists (
                select
                from pg_catalog.pg_attribute as attribute
                where
                    attribute.attrelid = to_regclass(format('%I.%I', read.schema_name, read.table_name))
                    and attribute.attname = name.text
                    and not attribute.attisdropped
            )
    )

    select 'the query reads ' || string_agg(unread.what, ' and ' order by unread.what) || ', which is gone or has another name'
    from unread
$$;

-- What keeps the adapter from working, and the setting that would help; no row if nothing does, and one without a problem
-- where that could not be looked at. Changes nothing.
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
    order by bound.problem, binding.setting = '', binding.attnum nulls first;
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
        exception when lock_not_available or deadlock_detected then
            -- A migration is at work on the table: nobody can tell before it is done.
            problem := null;
            setting := null;
            return next;
        when undefined_column or undefined_table then
            -- Postgres names a column by its alias, and not its table.
            problem := coalesce(case when piece.name = 'wanted' then listener.unread_by_query() end, sqlerrm);
            setting := piece.setting;
            return next;
        when others then
            problem := sqlerrm;
            setting := piece.setting;
            return next;
        end;
    end loop;
end;
$$;
