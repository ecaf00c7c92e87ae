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
        and (part.table_oid = part.root_oid or pg_trigger.tgparentid <> 0)
        and (
            select pg_proc.pronamespace
            from pg_catalog.pg_proc
            where pg_proc.oid = pg_trigger.tgfoid
        ) = 'listener'::regnamespace::oid
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
        format('trigger %s on %s%s is missing or disabled', missing.name, coalesce(
            (
                select format('%s.%s', namespace.nspname, class.relname)
                from pg_catalog.pg_class as class
                inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
                where class.oid = missing.table_oid
            ),
            missing.token
        ), (
            select ', whose name another trigger has (drop that),'
            from pg_catalog.pg_trigger
            where
                pg_trigger.tgrelid = missing.table_oid
                and pg_trigger.tgname = missing.name
                and pg_trigger.tgenabled in ('O', 'A')
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
