-- The LMS's own functions, to see what its triggers write.
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
    and namespace.nspname not like 'pg\_%'
