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
order by 1, 2, 3
