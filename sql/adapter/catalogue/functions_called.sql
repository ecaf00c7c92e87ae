-- Of these functions ($1, by their numbers): which may answer something else each time, which may read tables that are not
-- seen, and which tell the time.
select
    proc.oid::regprocedure::text as name,
    proc.provolatile = 'v' as is_volatile,
    namespace.nspname <> 'pg_catalog' and proc.provolatile = 's' and language.lanname not in ('internal', 'c') as may_read,
    namespace.nspname = 'pg_catalog'
    and (
        proc.proname in ('now', 'transaction_timestamp', 'statement_timestamp', 'timenow')
        or (proc.proname = 'age' and proc.pronargs = 1)
    ) as tells_the_time
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
inner join pg_catalog.pg_language as language on language.oid = proc.prolang
where proc.oid = any ($1::oid[])
order by 1
