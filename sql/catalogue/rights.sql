-- Rights that a role has, or lacks.

-- name: lacking
-- Rights that the session's role lacks for the daemon's work: to read our tables, and to call the doors ($1). Asks the
-- catalogue alone, which needs no rights.
with schema as (
    select namespace.oid
    from pg_catalog.pg_namespace as namespace
    where namespace.nspname = 'listener'::name
),

needed as (
    select 'USAGE on schema listener' as name, has_schema_privilege(schema.oid, 'usage') as granted
    from schema
    union all
    select
        format('SELECT on listener.%s', class.relname),
        has_table_privilege(class.oid, 'select')
    from schema
    inner join pg_catalog.pg_class as class on class.relnamespace = schema.oid
    where class.relkind in ('r', 'v') and class.relname not in ('quarantine', 'history')
    union all
    select
        format('EXECUTE on listener.%s', proc.proname),
        has_function_privilege(proc.oid, 'execute')
    from schema
    inner join pg_catalog.pg_proc as proc on proc.pronamespace = schema.oid
    where proc.proname::text = any ($1::text[])
)

select
    current_user::text as role,
    array(select needed.name from needed where not needed.granted) as lacking;

-- name: hidden
-- Tables that row-level security hides from the owner of the adapter's functions, which read with the owner's rights.
select
    owner.rolname::text as owner,
    format('%s.%s', namespace.nspname, class.relname) as hidden
from unnest($1::text[], $2::text[]) as wanted(schema, name)
inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema
inner join pg_catalog.pg_class as class
    on class.relnamespace = namespace.oid and class.relname = wanted.name
inner join pg_catalog.pg_proc as students on students.oid = 'listener.students'::regproc::oid
inner join pg_catalog.pg_roles as owner on owner.oid = students.proowner
where
    class.relrowsecurity
    and not owner.rolsuper
    and not owner.rolbypassrls
    and (class.relforcerowsecurity or not pg_has_role(owner.oid, class.relowner, 'usage'))
order by hidden;

-- name: forced
-- Of these tables ($1), those whose row-level security binds this role only because it is forced: it is their owner.
select named.name
from unnest($1::text[]) as named(name)
inner join pg_catalog.pg_class as class on class.oid = named.name::regclass::oid
where class.relforcerowsecurity and pg_has_role(class.relowner, 'usage');

-- name: owns_schema
-- Whether the session's own role owns schema listener.
select exists (
    select
    from pg_catalog.pg_namespace as namespace
    where namespace.nspname = 'listener' and pg_catalog.pg_get_userbyid(namespace.nspowner) = session_user
);

-- name: granted
-- The owner of a table ($1: schema, $2: name), and whether the owner has granted a role ($3) any of the rights $4
-- there, by name: not through another role, nor to PUBLIC.
select
    owner.rolname::text as owner,
    exists (
        select
        from (
            select class.relacl as acl
            union all
            select attribute.attacl
            from pg_catalog.pg_attribute as attribute
            where attribute.attrelid = class.oid
        ) as rights
        cross join lateral aclexplode(rights.acl) as entry
        inner join pg_catalog.pg_roles as grantee on grantee.oid = entry.grantee
        where
            grantee.rolname = $3
            and grantee.oid <> class.relowner
            and lower(entry.privilege_type) = any ($4::text[])
    ) as granted
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_roles as owner on owner.oid = class.relowner
where namespace.nspname = $1 and class.relname = $2;
