-- The triggers that install made, as they are now.
with wanted as (
    select
        class.oid as table_oid,
        class.oid::regclass::text as table_name,
        wanted.trigger
    from unnest($1::text[], $2::text[], $3::text[]) as wanted(schema, name, trigger)
    inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema
    inner join pg_catalog.pg_class as class
        on class.relnamespace = namespace.oid and class.relname = wanted.name
),

found as (
    select format(
        '%s on %s is %s', wanted.trigger, wanted.table_name,
        case when pg_trigger.oid is null then 'missing' else 'disabled' end
    ) as example
    from wanted
    left join pg_catalog.pg_trigger on pg_trigger.tgrelid = wanted.table_oid and pg_trigger.tgname = wanted.trigger
    where pg_trigger.oid is null or pg_trigger.tgenabled in ('D', 'R')
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
