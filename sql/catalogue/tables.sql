-- Every ordinary or partitioned table that this role can see, with its columns and what they refer to.
select
    namespace.nspname as schema_name,
    class.relname as table_name,
    class.relkind::text as kind,
    greatest(class.reltuples, 0)::bigint as estimated_rows,
    coalesce(
        (
            select json_agg(
                json_build_object(
                    'name', attribute.attname,
                    'type', format_type(attribute.atttypid, attribute.atttypmod),
                    'not_null', attribute.attnotnull,
                    'has_default', attribute.atthasdef or attribute.attidentity <> '' or attribute.attgenerated <> ''
                )
                order by attribute.attnum
            )
            from pg_catalog.pg_attribute as attribute
            where attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
        ),
        '[]'
    ) as columns,
    array(
        select attribute.attname
        from pg_catalog.pg_index as index
        inner join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = class.oid and attribute.attnum = any(index.indkey)
        where index.indrelid = class.oid and index.indisprimary
        order by array_position(index.indkey::int2[], attribute.attnum)
    )::text[] as primary_key
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.relkind in ('r', 'p')
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'listener')
    and namespace.nspname not like 'pg\_toast%'
    and namespace.nspname not like 'pg\_temp%'
    and not class.relispartition
order by (namespace.nspname = 'public') desc, namespace.nspname, class.relname
