-- The choice: tables, and the tables' contents.

-- name: tables
-- Every relation that could be part of an LMS, with its columns, keys and checks. Asked with an empty search_path,
-- so that the names of types come out qualified.
select
    namespace.nspname as schema_name,
    class.relname as table_name,
    class.relkind::text as kind,
    greatest(class.reltuples, 0)::bigint as estimated_rows,
    owner.rolname::text as owner,
    pg_has_role(class.relowner, 'usage') as is_ours,
    owner.rolsuper as by_superuser,
    class.relkind in ('r', 'p') and row_security_active(class.oid) as hides,
    array(
        select pg_inherits.inhrelid::regclass::text
        from pg_catalog.pg_inherits
        where pg_inherits.inhparent = class.oid and class.relkind = 'r'
        order by 1
    ) as heirs,
    coalesce(
        (
            select json_agg(
                json_build_object(
                    'name', attribute.attname,
                    'type', format_type(base_type.oid, case when base_type.typtype = 'd' then null else -1 end),
                    'category', base_type.typcategory,
                    'not_null', attribute.attnotnull or type.typnotnull,
                    'default',
                    case
                        when attribute.attidentity <> '' then 'identity'
                        when attribute.attgenerated <> '' then 'generated'
                        when attribute.atthasdef then pg_get_expr(attrdef.adbin, attrdef.adrelid)
                        else type.typdefault
                    end,
                    'generated', attribute.attgenerated <> '' or attribute.attidentity = 'a',
                    'virtual', attribute.attgenerated = 'v',
                    'expression',
                    case when attribute.attgenerated <> '' then pg_get_expr(attrdef.adbin, attrdef.adrelid) else '' end,
                    'comment', left(coalesce(col_description(class.oid, attribute.attnum), ''), 200),
                    'labels', array(
                        select enum.enumlabel
                        from pg_catalog.pg_enum as enum
                        where enum.enumtypid = base_type.oid
                        order by enum.enumsortorder
                    ),
                    'checks', array(
                        select pg_get_constraintdef("constraint".oid)
                        from pg_catalog.pg_constraint as "constraint"
                        where
                            "constraint".contype = 'c'
                            and (
                                ("constraint".conrelid = class.oid and "constraint".conkey = array[attribute.attnum])
                                or ("constraint".contypid = type.oid and type.typtype = 'd')
                            )
                    )
                )
                order by attribute.attnum
            )
            from pg_catalog.pg_attribute as attribute
            inner join pg_catalog.pg_type as type on type.oid = attribute.atttypid
            inner join pg_catalog.pg_type as base_type on base_type.oid = coalesce(nullif(type.typbasetype, 0), type.oid)
            left join pg_catalog.pg_attrdef as attrdef
                on attrdef.adrelid = attribute.attrelid and attrdef.adnum = attribute.attnum
            where attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
        ),
        '[]'
    ) as columns,
    coalesce(
        (
            select json_agg(
                json_build_object(
                    'columns', array(
                        select attribute.attname
                        from unnest(index.indkey::int2[]) with ordinality as key(attnum, position)
                        inner join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = class.oid and attribute.attnum = key.attnum
                        where key.position <= index.indnkeyatts
                        order by key.position
                    ),
                    'primary', index.indisprimary,
                    'unique', index.indisunique
                )
            )
            from pg_catalog.pg_index as index
            where
                index.indrelid = class.oid
                and index.indisvalid
                and index.indpred is null
                and not (0 = any(index.indkey::int2[]))
        ),
        '[]'
    ) as indexes,
    coalesce(
        (
            select json_agg(
                json_build_object(
                    'name', "constraint".conname,
                    'schema', referenced_namespace.nspname,
                    'table', referenced.relname,
                    'on_delete', "constraint".confdeltype,
                    'on_update', "constraint".confupdtype,
                    'validated', "constraint".convalidated,
                    'columns', array(
                        select attribute.attname
                        from unnest("constraint".conkey) with ordinality as key(attnum, position)
                        inner join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = class.oid and attribute.attnum = key.attnum
                        order by key.position
                    ),
                    'referenced', array(
                        select attribute.attname
                        from unnest("constraint".confkey) with ordinality as key(attnum, position)
                        inner join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = referenced.oid and attribute.attnum = key.attnum
                        order by key.position
                    )
                )
                order by "constraint".conname
            )
            from pg_catalog.pg_constraint as "constraint"
            inner join pg_catalog.pg_class as referenced on referenced.oid = "constraint".confrelid
            inner join pg_catalog.pg_namespace as referenced_namespace on referenced_namespace.oid = referenced.relnamespace
            where "constraint".conrelid = class.oid and "constraint".contype = 'f'
        ),
        '[]'
    ) as foreign_keys
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_roles as owner on owner.oid = class.relowner
where
    class.relkind in ('r', 'p', 'v', 'm', 'f')
    and not class.relispartition
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'listener')
    and namespace.nspname not like 'pg\_%'
order by namespace.nspname <> 'public', namespace.nspname, class.relname;

-- name: role
-- The session's role.
select
    role.rolname::text as name,
    role.rolsuper as is_superuser
from pg_catalog.pg_roles as role
where role.rolname = current_user;

-- name: values
-- The most common values of a column, from the planner's statistics.
select unnest(pg_stats.most_common_vals::text::text[]) as value
from pg_catalog.pg_stats
where pg_stats.schemaname = $1 and pg_stats.tablename = $2 and pg_stats.attname = $3;
