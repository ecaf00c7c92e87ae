-- A view or a function that the query of LISTENER_WANTED_QUERY reads, and that was replaced: a view that reads a table without
-- triggers of ours, or a function with another body. Null if there is none.
create or replace function listener.replaced_part() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with recursive read_relation as (
        select read_view.name as through, to_regclass(read_view.name)::oid as oid
        from listener.installation
        cross join jsonb_array_elements_text(installation.mapping -> 'query_views') as read_view(name)
        union
        select read_relation.through, depend.refobjid
        from read_relation
        inner join pg_rewrite as rewrite on rewrite.ev_class = read_relation.oid
        inner join pg_depend as depend
            on depend.classid = 'pg_rewrite'::regclass::oid
            and depend.objid = rewrite.oid
            and depend.refclassid = 'pg_class'::regclass::oid
    ),

    replaced as (
        select format(
            'view %s was replaced: it reads %I.%I now, which is not watched',
            read_relation.through, namespace.nspname, class.relname
        ) as what
        from read_relation
        inner join pg_class as class on class.oid = read_relation.oid
        inner join pg_namespace as namespace on namespace.oid = class.relnamespace
        where
            class.relkind <> 'v'
            and not exists (select from listener.binding where binding.table_oid = class.oid)
        union all
        select format('function %s was replaced: it may read other tables', called.name)
        from listener.installation
        cross join jsonb_to_recordset(installation.mapping -> 'query_functions') as called(name text, body text)
        inner join pg_proc as proc on proc.oid = to_regprocedure(called.name)::oid
        where md5(proc.prosrc) <> called.body
    )

    select min(replaced.what)
    from replaced
$$;

-- The tables and columns in the rule's query, by the query's names, that are gone; null if all are there.
create or replace function listener.unread_by_query() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 'the query reads ' || string_agg(unread.what, ' and ' order by unread.what) || ', which is gone or has another name'
    from listener.installation
    cross join jsonb_array_elements(installation.mapping -> 'watched') as watched(details)
    cross join lateral (
        select watched.details #>> '{table,schema}' as schema_name, watched.details #>> '{table,name}' as table_name
    ) as named
    cross join to_regclass(format('%I.%I', named.schema_name, named.table_name)) as read(table_oid)
    cross join lateral (
        select format('table %s.%s', named.schema_name, named.table_name) as what
        where read.table_oid is null
        union all
        select format('column %s of %s.%s', name.text, named.schema_name, named.table_name)
        from jsonb_array_elements_text(watched.details -> 'columns') as name(text)
        where
            read.table_oid is not null
            and not exists (
                select
                from pg_catalog.pg_attribute as attribute
                where
                    attribute.attrelid = read.table_oid::oid
                    and attribute.attname = name.text
                    and not attribute.attisdropped
            )
    ) as unread
$$;
