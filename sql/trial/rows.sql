-- Conditions on a new row. $1 and $2 are the table's schema and name.

-- name: lengths
select attribute.attname as name, attribute.atttypmod - 4 as most
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_class as class on class.oid = attribute.attrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_type as type on type.oid = attribute.atttypid
where
    namespace.nspname = $1 and class.relname = $2 and attribute.attnum > 0 and not attribute.attisdropped
    and attribute.atttypmod > 4 and type.typname in ('varchar', 'bpchar');

-- name: constraint
-- $3 is the name of the constraint, or of a unique index.
select
    pg_get_constraintdef("constraint".oid) as definition,
    array(
        select attribute.attname::text
        from unnest("constraint".conkey) as key (attnum)
        inner join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = "constraint".conrelid and attribute.attnum = key.attnum
        order by attribute.attnum
    ) as columns
from pg_catalog.pg_constraint as "constraint"
inner join pg_catalog.pg_class as class on class.oid = "constraint".conrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where namespace.nspname = $1 and class.relname = $2 and "constraint".conname = $3
union all
select
    pg_get_indexdef(index.indexrelid),
    array(
        select attribute.attname::text
        from pg_catalog.pg_attribute as attribute
        where attribute.attrelid = index.indrelid and attribute.attnum = any (index.indkey::smallint[])
        order by attribute.attnum
    )
from pg_catalog.pg_index as index
inner join pg_catalog.pg_class as class on class.oid = index.indrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_class as named on named.oid = index.indexrelid
where namespace.nspname = $1 and class.relname = $2 and named.relname = $3
limit 1;
