-- Tables that a subscription of logical replication writes.

-- name: writes_ours
select exists (
    select
    from pg_catalog.pg_subscription_rel
    inner join pg_catalog.pg_class on pg_class.oid = pg_subscription_rel.srrelid
    inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname = 'listener'
);

-- name: written_tables
-- Of the tables with schemas $1 and names $2, all that a subscription writes.
select distinct format('%I.%I', wanted.schema_name, wanted.table_name) as name
from unnest($1::text[], $2::text[]) as wanted(schema_name, table_name)
inner join pg_catalog.pg_namespace on pg_namespace.nspname = wanted.schema_name
inner join pg_catalog.pg_class on pg_class.relnamespace = pg_namespace.oid and pg_class.relname = wanted.table_name
inner join pg_catalog.pg_subscription_rel on pg_subscription_rel.srrelid = pg_class.oid
order by name;
