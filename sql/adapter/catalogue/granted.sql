-- Who owns a table ($1: its schema, $2: its name), and whether its owner has granted a role ($3) one of these rights ($4) on
-- it, by name: not through another role, nor to everybody.
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
where namespace.nspname = $1 and class.relname = $2
