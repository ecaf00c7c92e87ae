-- Roles that may create in schemas ($1) that the triggers of the LMS search, besides the owner of a table ($2),
-- superusers, the owner of the database, and roles that have the rights of the table's owner anyway.
with owner as (
    select class.relowner as oid
    from pg_catalog.pg_class as class
    where class.oid = ($2::text)::regclass::oid
),

may_create as (
    select namespace.nspname, namespace.nspowner as role_oid, true as is_owner
    from pg_catalog.pg_namespace as namespace
    where namespace.nspname::text = any ($1::text[])
    union
    select namespace.nspname, entry.grantee, false
    from pg_catalog.pg_namespace as namespace
    cross join lateral pg_catalog.aclexplode(namespace.nspacl) as entry
    where namespace.nspname::text = any ($1::text[]) and entry.privilege_type = 'CREATE' and entry.grantee <> namespace.nspowner
)

select
    may_create.nspname::text as schema,
    case when may_create.role_oid = 0::oid then 'public' else pg_catalog.quote_ident(role.rolname::text) end as who,
    may_create.is_owner
from may_create
cross join owner
left join pg_catalog.pg_roles as role on role.oid = may_create.role_oid
where
    may_create.role_oid = 0::oid
    or (
        not role.rolsuper
        and role.rolname <> 'pg_database_owner'::name
        and role.oid <> (
            select database.datdba from pg_catalog.pg_database as database where database.datname = pg_catalog.current_database()
        )
        and not pg_catalog.pg_has_role(role.oid, owner.oid, 'usage'::text)
    )
order by 1, 3, 2
