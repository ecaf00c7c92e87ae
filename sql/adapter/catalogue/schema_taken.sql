-- What is in a schema called listener that no installation of ours has made; no row if there is nothing.
select min(found.name) || case when count(*) > 1 then format(' and %s more', count(*) - 1) else '' end as what
from (
    select class.oid::regclass::text as name
    from pg_catalog.pg_class as class
    where class.relnamespace = to_regnamespace('listener') and class.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
    union all
    select proc.oid::regprocedure::text
    from pg_catalog.pg_proc as proc
    where proc.pronamespace = to_regnamespace('listener')
    union all
    select type.oid::regtype::text
    from pg_catalog.pg_type as type
    where type.typnamespace = to_regnamespace('listener') and type.typtype in ('d', 'e')
) as found
having count(*) > 0
