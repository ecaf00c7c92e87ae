-- The installation, and changes since.

-- name: schema_taken
-- Objects in a schema called listener that no installation of ours has made; no row if there are none.
select min(found.name) || case when count(*) > 1 then format(' and %s more', count(*) - 1) else '' end as what
from (
    select class.oid::regclass::text as name
    from pg_catalog.pg_class as class
    where class.relnamespace = to_regnamespace('listener')::oid and class.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
    union all
    select proc.oid::regprocedure::text
    from pg_catalog.pg_proc as proc
    where proc.pronamespace = to_regnamespace('listener')::oid
    union all
    select type.oid::regtype::text
    from pg_catalog.pg_type as type
    where type.typnamespace = to_regnamespace('listener')::oid and type.typtype in ('d', 'e')
) as found
having count(*) > 0;

-- name: triggers_missing
-- Triggers of the installation that are missing or disabled now.
with wanted as (
    select
        class.oid as table_oid,
        case
            when namespace.nspname = 'public'::name then format('%I', class.relname)
            else format('%I.%I', namespace.nspname, class.relname)
        end as table_name,
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
    array(select example from found order by example limit 5) as examples;

-- name: intact
-- Whether the adapter is bound to what is there now, and works; our functions and views ($2), and what was put into the
-- LMS's own schema, are there; and no row-level security (which a dashboard offers to switch on) hides our rows.
select
    not exists (
        select from unnest($2::text[]) as made(name)
        where
            not exists (
                select from pg_catalog.pg_proc as proc
                where proc.pronamespace = to_regnamespace('listener')::oid and proc.proname = made.name::name
            )
            and not exists (
                select from pg_catalog.pg_class as class
                where class.relnamespace = to_regnamespace('listener')::oid and class.relname = made.name::name
            )
    )
    and not exists (
        select from pg_catalog.pg_class as class
        where class.relnamespace = to_regnamespace('listener')::oid and class.relrowsecurity
    )
    and listener.is_bound()
    and not exists (select from listener.binding_problems() as found where found.problem is not null)
    and (
        select count(*)
        from (
            {{ours}}
        ) as ours
    ) >= $1;

-- name: follow
-- Binds the adapter again to parts that were renamed, moved or made again.
select coalesce(json_agg(followed), '[]') as followed
from listener.follow() as followed;

-- name: problems
-- Problems that keep the adapter from working, and whether all parts could be looked at.
select
    coalesce(json_agg(found) filter (where found.problem is not null), '[]') as problems,
    coalesce(bool_and(found.problem is not null), true) as complete
from (
    select found.problem, found.setting from listener.binding_problems() as found
    union all
    select replaced.part, '' from listener.replaced_part() as replaced(part) where replaced.part is not null
) as found;

-- name: owners_now
-- A table that belongs to another owner than at the installation.
select format(
    '%s.%s belongs to %s now, not to %s', namespace.nspname, class.relname, pg_get_userbyid(class.relowner), binding.owner
)
from listener.binding
inner join pg_catalog.pg_class as class on class.oid = binding.table_oid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where binding.attnum is null and class.relowner <> binding.owner_oid and pg_get_userbyid(class.relowner) <> binding.owner
order by class.oid
limit 1;

-- name: reactions_there
-- Whether there is a table of installed reactions: there is none before the listener itself is installed.
select to_regclass('listener.reaction') is not null as are_there;

-- name: reactions
-- The installed reactions, and the hash of each text.
select
    reaction.name,
    reaction.hash
from listener.reaction
order by reaction.name;

-- name: taken_away
-- What an uninstallation takes away, table by table, and whether daemons still work here.
select
    (
        select count(*)
        from pg_catalog.pg_class as class
        where class.relnamespace = to_regnamespace('listener')::oid and class.relkind = 'r'
    ) as tables,
    array(
        select
            format(
                case namespace.nspname when 'public' then '%s on %s' else '%s on %3$s.%2$s' end,
                count(*), quote_ident(class.relname), quote_ident(namespace.nspname)
            )
        from pg_catalog.pg_trigger
        inner join pg_catalog.pg_proc as proc on proc.oid = pg_trigger.tgfoid
        inner join pg_catalog.pg_class as class on class.oid = pg_trigger.tgrelid
        inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
        where proc.pronamespace = to_regnamespace('listener')::oid and not class.relispartition
        group by class.relname, namespace.nspname
        order by namespace.nspname, class.relname
    ) as triggers,
    (
        select count(*)
        from pg_catalog.pg_stat_activity as session
        where session.datname = current_database() and session.application_name = 'listener'
    ) as daemons;
