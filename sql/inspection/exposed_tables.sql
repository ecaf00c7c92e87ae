-- Roles, beside the owners, that may put triggers on the LMS's tables: a trigger runs with the rights of the role that
-- writes, and so with the owner's when the listener enrolls. Neither PUBLIC nor a role of an API's needs TRUNCATE,
-- which no policy stops, REFERENCES, or MAINTAIN (from version 17 on), which locks. A row for each `revoke`.
with lms_table as (
    select
        class.oid,
        class.relowner,
        class.relacl,
        format('%I.%I', namespace.nspname, class.relname) as label
    from unnest($1::text[], $2::text[]) as wanted(schema, name)
    inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema
    inner join pg_catalog.pg_class as class on class.relnamespace = namespace.oid and class.relname = wanted.name
),

owner_of_enrollments as (
    select class.relowner
    from pg_catalog.pg_class as class
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where namespace.nspname = $3::text and class.relname = $4::text
),

given as (
    select
        lms_table.label,
        coalesce(quote_ident(grantee.rolname), 'public') as grantee,
        lower(entry.privilege_type) as privilege,
        grantee.oid is null or grantee.rolname in ('anon', 'authenticated') as is_open
    from lms_table
    cross join lateral aclexplode(lms_table.relacl) as entry
    left join pg_catalog.pg_roles as grantee on grantee.oid = entry.grantee
    where
        -- Rights on another owner's table are for that owner to revoke.
        (
            lms_table.relowner in (select owner_of_enrollments.relowner from owner_of_enrollments)
            or pg_has_role(lms_table.relowner, 'usage')
        )
        and coalesce(not grantee.rolsuper, true)
        and not exists (
            select from lms_table as trusted
            where entry.grantee <> 0 and pg_has_role(entry.grantee, trusted.relowner, 'member')
        )
),

per_table as (
    select
        given.label,
        given.grantee,
        array_agg(distinct given.privilege order by given.privilege desc) as privileges
    from given
    where given.privilege = 'trigger' or (given.is_open and given.privilege in ('truncate', 'references', 'maintain'))
    group by given.label, given.grantee
),

per_grantee as (
    select
        per_table.grantee,
        per_table.privileges,
        array_agg(per_table.label order by per_table.label) as tables
    from per_table
    group by per_table.grantee, per_table.privileges
)

select
    per_grantee.privileges,
    per_grantee.tables,
    array_agg(per_grantee.grantee order by per_grantee.grantee) as grantees
from per_grantee
group by per_grantee.privileges, per_grantee.tables
order by per_grantee.privileges desc, per_grantee.tables
