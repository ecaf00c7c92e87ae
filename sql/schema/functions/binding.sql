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
