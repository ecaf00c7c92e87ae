-- Which of these triggers there are. ($1: schemas, $2: tables, $3: names)
select
    wanted.schema_name,
    wanted.table_name,
    wanted.name
from unnest($1::text[], $2::text[], $3::text[]) as wanted(schema_name, table_name, name)
inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema_name
inner join pg_catalog.pg_class as class on class.relnamespace = namespace.oid and class.relname = wanted.table_name
inner join pg_catalog.pg_trigger on pg_trigger.tgrelid = class.oid and pg_trigger.tgname = wanted.name
