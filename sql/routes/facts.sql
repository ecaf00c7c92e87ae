-- The catalogue's facts about a query, given as the temporary view `listener_expression`, and about all objects in the
-- query's parse tree. Asked with an empty search_path, so that names come out qualified.

-- name: trees
-- The parse trees of views ($1).
select
    rewrite.ev_class as oid,
    rewrite.ev_class::regclass::text as name,
    rewrite.ev_action::text as tree,
    exists (
        select
        from unnest(class.reloptions) as option(text)
        where option.text in ('security_barrier=true', 'security_barrier=on', 'security_barrier=1', 'security_barrier=yes')
    ) as is_barrier
from pg_catalog.pg_rewrite as rewrite
inner join pg_catalog.pg_class as class on class.oid = rewrite.ev_class
where rewrite.ev_class = any ($1::oid[]) and rewrite.ev_type = '1';

-- name: procedures
-- Called functions ($1). For a function in SQL, also the parts to read the body as a query.
select
    proc.oid,
    namespace.nspname::text as schema_name,
    proc.proname::text as name,
    proc.provolatile = 'i' as is_immutable,
    proc.proisstrict as is_strict,
    proc.proretset as returns_set,
    coalesce(type.typtype in ('b', 'd', 'e') or type.typname in ('anyelement', 'anyenum', 'anycompatible'), false) as is_scalar,
    language.lanname = 'sql'
    and proc.oid >= 16384
    and not exists (
        select
        from pg_catalog.pg_type as argument
        where argument.oid = any (proc.proargtypes::oid[]) and argument.typtype = 'p'
    ) as is_readable,
    to_jsonb(proc) ->> 'prosqlbody' is not null as is_atomic,
    case
        when language.lanname = 'sql' and to_jsonb(proc) ->> 'prosqlbody' is not null then pg_get_functiondef(proc.oid)
        else proc.prosrc
    end as body,
    array(
        select format_type(argument.type, -1)
        from unnest(proc.proargtypes) with ordinality as argument(type, place)
        order by argument.place
    ) as argument_types,
    array(
        select coalesce(argument.name, '')
        from unnest(proc.proargnames) with ordinality as argument(name, place)
        where proc.proargmodes is null or proc.proargmodes[argument.place] in ('i', 'b', 'v')
        order by argument.place
    ) as argument_names,
    (
        select substr(setting.text, length('search_path=') + 1)
        from unnest(proc.proconfig) as setting(text)
        where setting.text like 'search\_path=%'
    ) as path,
    proc.proretset
    and proc.provolatile = 's'
    and not proc.proisstrict
    and not proc.prosecdef
    and proc.proconfig is null as is_merged
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
inner join pg_catalog.pg_language as language on language.oid = proc.prolang
left join pg_catalog.pg_type as type on type.oid = proc.prorettype
where proc.oid = any ($1::oid[]) and proc.prokind = 'f';

-- name: operators
-- Operators ($1), and their negators.
select
    operator.oid,
    namespace.nspname::text as schema_name,
    operator.oprname::text as name,
    proc.proisstrict as is_strict,
    proc.provolatile = 'i' as is_immutable,
    operator.oprnegate as opposite,
    exists (
        select
        from pg_catalog.pg_amop as member
        inner join pg_catalog.pg_am as method on method.oid = member.amopmethod
        where
            member.amopopr = operator.oid
            and (
                (method.amname = 'btree' and member.amopstrategy = 3) or (method.amname = 'hash' and member.amopstrategy = 1)
            )
    ) as is_equality
from pg_catalog.pg_operator as operator
inner join pg_catalog.pg_namespace as namespace on namespace.oid = operator.oprnamespace
inner join pg_catalog.pg_proc as proc on proc.oid = operator.oprcode
where
    operator.oid = any ($1::oid[])
    or operator.oid in (
        select positive.oprnegate from pg_catalog.pg_operator as positive where positive.oid = any ($1::oid[])
    );

-- name: relations
select
    class.oid,
    namespace.nspname::text as schema_name,
    class.relname::text as table_name,
    class.relkind::text as kind
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.oid = any ($1::oid[]);

-- name: columns
select
    attribute.attrelid,
    attribute.attnum,
    attribute.attname::text as name,
    attribute.attnotnull as is_not_null,
    attribute.atttypid as type,
    attribute.attgenerated = 'v' as is_virtual,
    coalesce(sorted_by.collisdeterministic, true) as is_deterministic
from pg_catalog.pg_attribute as attribute
left join pg_catalog.pg_collation as sorted_by on sorted_by.oid = attribute.attcollation
where attribute.attrelid = any ($1::oid[]) and attribute.attnum > 0 and not attribute.attisdropped;

-- name: types
-- Types ($1), and the element types of arrays. By the type below a domain.
with asked as (
    select type.oid, type.typelem
    from pg_catalog.pg_type as type
    where type.oid = any ($1::oid[])
)

select
    type.oid,
    -- (With a modifier of -1: `character` without a modifier is a single character.)
    format_type(type.oid, -1) as name,
    format_type(base.oid, -1) as base_name,
    base.typcategory::text as category,
    type.typelem as element
from pg_catalog.pg_type as type
inner join pg_catalog.pg_type as base on base.oid = coalesce(nullif(type.typbasetype, 0), type.oid)
where type.oid in (select asked.oid from asked union select asked.typelem from asked);

-- name: indexes
-- The beginning of each index of these tables ($1): a column, or an expression.
select
    index.indrelid as table_oid,
    index.indkey[0] as attnum,
    case when index.indkey[0] = 0 then index.indexprs::text end as expressions
from pg_catalog.pg_index as index
inner join pg_catalog.pg_class as class on class.oid = index.indexrelid
inner join pg_catalog.pg_am as method on method.oid = class.relam
where
    index.indrelid = any ($1::oid[])
    and index.indisvalid
    and index.indpred is null
    and method.amname in ('btree', 'hash');
