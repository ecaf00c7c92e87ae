-- The LMS's own triggers, which may do the same work.

-- name: functions
-- The LMS's own functions, to see the triggers' writes.
select
    namespace.nspname as schema,
    proc.proname as name,
    coalesce(nullif(proc.prosrc, ''), pg_get_functiondef(proc.oid)) as source
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
inner join pg_catalog.pg_language as language on language.oid = proc.prolang
where
    proc.prokind in ('f', 'p')
    and language.lanname not in ('c', 'internal')
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'listener')
    and namespace.nspname not like 'pg\_%';

-- name: triggers
-- The triggers that are not this project's, nor Postgres's own.
select
    namespace.nspname as schema,
    class.relname as "table",
    trigger.tgname as name,
    trigger.tgenabled::text as enabled,
    function_namespace.nspname as function_schema,
    proc.proname as function
from pg_catalog.pg_trigger as trigger
inner join pg_catalog.pg_class as class on class.oid = trigger.tgrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_proc as proc on proc.oid = trigger.tgfoid
inner join pg_catalog.pg_namespace as function_namespace on function_namespace.oid = proc.pronamespace
where
    not trigger.tgisinternal
    and trigger.tgparentid = 0
    and function_namespace.nspname not in ('pg_catalog', 'listener')
order by 1, 2, 3;

-- name: there
-- Of the given triggers, all that are there. ($1: schemas, $2: tables, $3: names)
select
    wanted.schema_name,
    wanted.table_name,
    wanted.name
from unnest($1::text[], $2::text[], $3::text[]) as wanted(schema_name, table_name, name)
inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema_name
inner join pg_catalog.pg_class as class on class.relnamespace = namespace.oid and class.relname = wanted.table_name
inner join pg_catalog.pg_trigger on pg_trigger.tgrelid = class.oid and pg_trigger.tgname = wanted.name;
