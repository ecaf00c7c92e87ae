-- Of these relations ($1, by their numbers), one that is Postgres's own, or ours; null if there is none. (What a view reads
-- of Postgres's own is not among the view's dependencies.)
select format('%s.%s', namespace.nspname, class.relname)
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.oid = any ($1::oid[])
    and namespace.nspname in ('pg_catalog', 'information_schema', 'listener')
order by 1
limit 1
