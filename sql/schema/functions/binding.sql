-- The adapter's functions name the LMS's tables and columns in their bodies, which Postgres reads at run time. So
-- nothing here keeps a column from being renamed, altered or dropped, and after a rename the functions are bound again.

-- A table of the LMS's must be the same table as at binding, and of the same owner: a stranger's table would have
-- triggers, and functions of policies, run with the rights of the owner of this schema. That owner's own tables, and a
-- superuser's, are no stranger's. (In here, the current user is the owner.)
create or replace function listener.is_trusted(table_owner oid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select pg_get_userbyid(table_owner) = current_user
        or (select role.rolsuper from pg_catalog.pg_roles as role where role.oid = table_owner)
$$;

-- Raises, unless a table is the bound table, and of the same owner or of a trusted owner, no row-level security hides
-- its rows (a hidden student would be taken for nobody), and columns with these numbers have these names. Volatile:
-- looks at the present owner, where the caller's snapshot may be older.
create or replace function listener.expect(
    table_name text, table_oid oid, bound_owner oid, numbers smallint[] default '{}', identities text[] default '{}'
)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if (
        select class.relowner = bound_owner or listener.is_trusted(class.relowner)
        from pg_catalog.pg_class as class
        where class.oid = table_oid and to_regclass(table_name)::oid = class.oid
    ) is not true then
        raise undefined_table using message = 'a table is not the one that was bound, or belongs to somebody else now';
    end if;
    if row_security_active(table_oid) then
        raise undefined_table using message = format('row-level security hides rows of %s from %s', table_name, current_user);
    end if;
    if exists (
        select
        from unnest(numbers, identities) as bound(number, identity)
        -- 1259 is pg_class: the identity of a column joins the names of schema, table and column.
        where (pg_identify_object(1259, table_oid, bound.number)).identity is distinct from bound.identity
    ) then
        raise undefined_column using message = 'what was bound has another name now';
    end if;
end;
$$;

-- The same, as the first part of a statement that reads or writes a table of the LMS's. Declared immutable, but not
-- immutable: so Postgres calls the function once, while planning the statement, when the table is locked and no part
-- has run; and once more after every change of the table, because then a stored plan is made new. Where the plan is
-- kept, this costs nothing. (Parallel safe: no worker ever calls.)
create or replace function listener.as_bound(
    table_name text, table_oid oid, bound_owner oid, numbers smallint[], identities text[]
)
returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    perform listener.expect(table_name, table_oid, bound_owner, numbers, identities);
    return true;
end;
$$;

-- The search_path of the LMS's triggers: these schemas, each once. Immutable, and so a constant of the plan.
create or replace function listener.lms_path(variadic schema_names text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select string_agg(quote_ident(named.name), ', ' order by named.place) || ', pg_temp'
    from (
        select schema_name.name, min(schema_name.place) as place
        from unnest(schema_names) with ordinality as schema_name(name, place)
        group by schema_name.name
    ) as named
$$;

-- A trigger could not read a row: the change is found in the tables, later. One note for each transaction is enough.
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

-- Makes the adapter's functions from texts and bound names; `for_table` makes that table's triggers. All tokens are
-- replaced in one pass, so that no name is taken for a token; and dollar tags are chosen that no name holds.
create or replace function listener.bind(for_table text default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp set check_function_bodies = off as $$
declare
    -- A column, with the column's row; a name; a name as text; a number; a part of a person's text; a tag.
    a_token constant text :=
        '(?:\m[a-z_0-9]+\.)?"\{[^{}:"'']+\}"'
        '|"\{[^{}:"'']+:(?:schema|table)\}"'
        '|''\{[^{}:"'']+(?::(?:schema|name|identity))?\}'''
        '|\{[^{}:"'']+:(?:oid|attnum|owner)\}'
        '|\{:(?:brace|dollar)\}'
        '|\$[a-z_]*\$';
    piece text;
    names text;
    number integer;
    suffix text;
begin
    names := (
        select string_agg(concat_ws(' ', binding.schema_name, binding.table_name, binding.name, binding.stand_in), ' ')
        from listener.binding
    );
    for piece in
        select adapter.definition
        from listener.adapter
        where adapter.on_table is not distinct from for_table
        order by adapter.position
    loop
        suffix := '';
        number := 0;
        while
            strpos(names, '$') + strpos(piece, '{:dollar}') > 0
            and (suffix = '' or strpos(concat(names, ' ', replace(piece, '{:dollar}', '$')), suffix || '$') > 0)
        loop
            number := number + 1;
            suffix := '_' || number;
        end loop;
        execute (
            with mark as (
                select
                    part.place,
                    part.before,
                    part.token as text,
                    substring(part.token from '\{([^{}:]+)[:}]') as name,
                    coalesce(substring(part.token from ':([a-z]+)\}'), '') as form
                from unnest(
                    regexp_split_to_array(piece, a_token),
                    array(
                        select found.token[1]
                        from regexp_matches(piece, '(' || a_token || ')', 'g') with ordinality as found(token, place)
                        order by found.place
                    )
                ) with ordinality as part(before, token, place)
            )

            select string_agg(
                mark.before || case
                    when mark.text is null then ''
                    when mark.text = '{:brace}' then '{'
                    when mark.text = '{:dollar}' then '$'
                    when mark.text like '$%' then left(mark.text, -1) || suffix || '$'
                    when bound.token is null then mark.text
                    when mark.form = 'oid' then bound.table_oid::text
                    when mark.form = 'owner' then coalesce(bound.owner_oid::text, '0')
                    when mark.form = 'attnum' then coalesce(bound.attnum::text, '0')
                    when mark.form = 'schema' and mark.text like '"%' then quote_ident(bound.schema_name)
                    when mark.form = 'schema' then quote_literal(bound.schema_name)
                    when mark.form = 'table' then quote_ident(bound.table_name)
                    when mark.form = 'name' then quote_literal(format('%I.%I', bound.schema_name, bound.table_name))
                    when mark.form = 'identity'
                        then quote_literal(format('%I.%I.%I', bound.schema_name, bound.table_name, bound.name))
                    when mark.text like '''%' then quote_literal(bound.name)
                    when bound.lost and mark.text not like '"%' then bound.stand_in
                    else coalesce(substring(mark.text from '^[a-z_0-9]+\.'), '') || quote_ident(bound.name)
                end,
                '' order by mark.place
            )
            from mark
            left join listener.binding as bound on bound.token = mark.name
        );
    end loop;
end;
$$;

-- The cluster's identifier; null where the role may not know.
create or replace function listener.cluster_identifier() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (select pg_control_system.system_identifier from pg_catalog.pg_control_system());
exception when insufficient_privilege then
    return null;
end;
$$;

-- Whether this is a copy of the installed database: numbers mean nothing here, only names do.
create or replace function listener.is_a_copy() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select
        bound_in.database_oid is distinct from (
            select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
        )
        or coalesce(bound_in.system_identifier <> listener.cluster_identifier(), false)
    from listener.bound_in
$$;

-- Whether the LMS now works with a table that has the name of a bound table, which is still there under another name:
-- the newcomer has every column that is needed, and enrollments do not refer to the bound table.
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

-- The bound names, as the catalogue has them now. A renamed or moved object is known by its number. A table that is
-- gone, or was renamed, may have been made again: under its name, by the same owner, with all columns. (If it was made
-- partitioned, that is told: the old one is not followed while the LMS works with the new one.) A column that is gone may
-- have been made again, too.
create or replace function listener.bound_now()
returns table (
    token text, table_oid oid, attnum smallint, label_oid oid, schema_name text, table_name text, name text,
    type_oid oid, type_modifier integer, moved boolean, problem text, owner_oid oid
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
    with bound_table as (
        select distinct on (binding.table_oid) binding.*
        from listener.binding
        order by binding.table_oid
    ),

    found_table as materialized (
        select
            bound_table.table_oid as bound_oid,
            class.oid as table_oid,
            namespace.nspname::text as schema_name,
            class.relname::text as table_name,
            class.relowner as owner_oid,
            case
                when class.oid is null then format('table %s.%s is gone', bound_table.schema_name, bound_table.table_name)
                when class.relkind <> bound_table.kind or class.relispartition
                    then format('%s.%s is another kind of table now', namespace.nspname, class.relname)
                when
                    class.relowner is distinct from bound_table.owner_oid
                    and not (here.is_a_copy and pg_get_userbyid(class.relowner) = bound_table.owner)
                    and listener.is_trusted(class.relowner) is not true
                    then format(
                        '%s.%s belongs to %s now, not to %s', namespace.nspname, class.relname,
                        pg_get_userbyid(class.relowner), bound_table.owner
                    )
            end as problem
        from bound_table
        cross join (select listener.is_a_copy() as is_a_copy) as here
        left join pg_catalog.pg_class as same on same.oid = bound_table.table_oid
        left join pg_catalog.pg_class as namesake
            on namesake.oid = to_regclass(format('%I.%I', bound_table.schema_name, bound_table.table_name))::oid
            and (
                here.is_a_copy
                or (
                    namesake.oid is distinct from same.oid
                    and (same.oid is null or listener.takes_the_place(namesake.oid, bound_table.table_oid))
                    and (
                        namesake.relkind = bound_table.kind
                        or (namesake.relkind in ('r', 'p') and same.relispartition is not true)
                    )
                    and (
                        namesake.relowner = bound_table.owner_oid
                        or listener.is_trusted(namesake.relowner)
                    )
                )
            )
        left join pg_catalog.pg_class as class on class.oid = coalesce(namesake.oid, same.oid)
        left join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    ),

    found_column as materialized (
        select
            found_table.*,
            binding.token,
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
            when found_column.problem is not null then found_column.problem
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
        end,
        found_column.owner_oid
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

-- Triggers of ours that are missing, or do not fire; on partitions, too, where each may be disabled separately.
-- (Partitions are found in the catalogue, and not by a function of Postgres's, which would wait for a migration's
-- lock.)
create or replace function listener.missing_triggers()
returns table (token text, name text, table_oid oid)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with recursive part (root_oid, table_oid) as (
        select binding.table_oid, binding.table_oid
        from listener.binding
        union
        select part.root_oid, pg_inherits.inhrelid
        from part
        inner join pg_catalog.pg_inherits on pg_inherits.inhparent = part.table_oid
    )

    select adapter.on_table, trigger_name.name, part.table_oid
    from listener.adapter
    inner join listener.binding on binding.token = adapter.on_table
    cross join lateral unnest(adapter.triggers) as trigger_name(name)
    inner join part on part.root_oid = binding.table_oid
    left join pg_catalog.pg_trigger
        on pg_trigger.tgrelid = part.table_oid
        and pg_trigger.tgname = trigger_name.name
        and (
            part.table_oid = part.root_oid
            or (
                pg_trigger.tgparentid <> 0
                and pg_trigger.tgfoid in (
                    select pg_proc.oid from pg_catalog.pg_proc where pg_proc.pronamespace = 'listener'::regnamespace::oid
                )
            )
        )
    where
        pg_trigger.tgenabled not in ('O', 'A')
        or (pg_trigger.oid is null and part.table_oid = part.root_oid)
$$;

-- Tables whose rows row-level security hides from the owner of these functions: no row would be seen.
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

-- Functions and tables of ours that a function of ours names, and that are gone; with `of_triggers`, those that the
-- functions of triggers name, which is soon looked at.
create or replace function listener.missing_parts(of_triggers boolean)
returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select distinct 'listener.' || named.part
    from pg_catalog.pg_proc as proc
    cross join lateral (
        select coalesce(found[1], found[2], found[3]) as part
        from regexp_matches(
            proc.prosrc,
            $named$\mlistener\.(\w+)\(|\m(?:from|join|into|update) listener\.(\w+)|'listener\.(\w+)'::regclass$named$,
            'g'
        ) as found
    ) as named
    where
        proc.pronamespace = 'listener'::regnamespace::oid
        and (not of_triggers or proc.prorettype = 'trigger'::regtype::oid)
        and to_regclass('listener.' || named.part) is null
        and to_regproc('listener.' || named.part) is null
        and not exists (
            select from pg_catalog.pg_proc as overloaded
            where overloaded.pronamespace = proc.pronamespace and overloaded.proname = named.part::name
        )
$$;

-- Whether every name is still bound to the same object, asked with each heartbeat.
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
    and not exists (select from listener.missing_parts(true))
$$;

-- Problems that keep the adapter from working, each with the setting that would help; no row without a problem, and a
-- row with a null problem where a look was impossible. Changes nothing.
create or replace function listener.binding_problems()
returns table (problem text, setting text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    piece listener.adapter;
    -- A rule (CREATE RULE) makes other statements of ours, which Postgres may not have.
    rewriting text := (
        select format('rule %I on %s', rule.rulename, rule.ev_class::regclass)
        from pg_catalog.pg_rewrite as rule
        where
            rule.ev_class in (select binding.table_oid from listener.binding)
            and rule.ev_type <> '1'
            and rule.ev_enabled in ('O', 'A')
        limit 1
    );
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
            'row-level security hides rows of %I.%I from %s, whose functions read it',
            hidden.schema_name, hidden.table_name, current_user
        ), ''
    from listener.hidden_tables() as hidden;
    if found then
        return;
    end if;
    return query
    select format('%s is gone, which functions of the listener''s name', missing.part), ''
    from listener.missing_parts(false) as missing(part)
    order by missing.part;
    if found then
        return;
    end if;
    for piece in select * from listener.adapter where adapter.probe is not null order by adapter.position loop
        begin
            execute piece.probe;
        exception when lock_not_available or deadlock_detected then
            -- A migration is at work on the table: not known before the end.
            problem := null;
            setting := null;
            return next;
        when undefined_column or undefined_table then
            -- Postgres names a column by the alias, without the table.
            problem := coalesce(case when piece.name = 'wanted' then listener.unread_by_query() end, listener.error_text(null, sqlerrm));
            setting := piece.setting;
            return next;
        when assert_failure or others then
            problem := listener.error_text(null, sqlerrm);
            setting := piece.setting;
            if sqlstate = '0A000' and rewriting is not null then
                problem := rewriting || ': ' || problem;
                setting := '';
            elsif sqlstate = '42501' then
                setting := '';  -- a right is missing: no name would help
            end if;
            return next;
        end;
    end loop;
end;
$$;
