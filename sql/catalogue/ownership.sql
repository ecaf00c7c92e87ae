-- The owners of the tables, and of schema listener.

-- name: owner
-- The role that asks, and the owner of tables ($1: names, the first is the enrollments'); or the role that would own
-- the installation ($2, if given). Asks the catalogue alone.
with me as (
    select role.oid, role.rolname, role.rolsuper
    from pg_catalog.pg_roles as role
    where role.rolname = current_user
),

relation as (
    select named.place, named.name, class.oid, class.relowner, class.relrowsecurity, class.relforcerowsecurity
    from pg_catalog.unnest($1::text[]) with ordinality as named(name, place)
    inner join pg_catalog.pg_class as class on class.oid = pg_catalog.to_regclass(named.name)::oid
),

owner as (
    select role.oid, role.rolname, role.rolsuper, role.rolbypassrls
    from pg_catalog.pg_roles as role
    where
        case
            when $2::text is not null then role.rolname::text = $2::text
            else role.oid = (select relation.relowner from relation where relation.place = 1)
        end
),

schema as (
    select namespace.oid, namespace.nspowner, role.rolname, role.rolsuper
    from pg_catalog.pg_namespace as namespace
    inner join pg_catalog.pg_roles as role on role.oid = namespace.nspowner
    where namespace.nspname = 'listener'::name
)

select
    me.rolname::text as me,
    me.rolsuper as is_superuser,
    owner.rolname::text as owner,
    owner.oid = me.oid as is_me,
    owner.rolsuper as owner_is_superuser,
    pg_catalog.pg_has_role(me.oid, owner.oid, 'member'::text) as is_member,
    array(
        select pg_catalog.format('%s: %s', relation.name, pg_catalog.pg_get_userbyid(relation.relowner))
        from relation
        where not pg_catalog.pg_has_role(owner.oid, relation.relowner, 'usage'::text)
        order by relation.place
    ) as of_others,
    coalesce(
        (
            select role.rolsuper
            from relation
            inner join pg_catalog.pg_roles as role on role.oid = relation.relowner
            where relation.place = 1
        ),
        false
    ) as lms_of_superuser,
    array(
        select relation.name
        from relation
        where
            relation.relrowsecurity
            and not owner.rolsuper
            and not owner.rolbypassrls
            and (relation.relforcerowsecurity or not pg_catalog.pg_has_role(owner.oid, relation.relowner, 'usage'::text))
    ) as hidden,
    schema.rolname::text as schema_owner,
    coalesce(
        schema.nspowner = owner.oid
        or schema.nspowner = me.oid
        or schema.rolsuper
        or pg_catalog.pg_has_role(schema.nspowner, owner.oid, 'usage'::text)
        or exists (
            select
            from pg_catalog.pg_trigger as trigger
            inner join pg_catalog.pg_proc as proc on proc.oid = trigger.tgfoid
            where trigger.tgrelid in (select relation.oid from relation) and proc.pronamespace = schema.oid
        ),
        true
    ) as may_be_taken,
    coalesce(
        schema.nspowner = owner.oid
        and not exists (
            select from pg_catalog.pg_class as class
            where class.relnamespace = schema.oid and class.relowner <> owner.oid
        )
        and not exists (
            select from pg_catalog.pg_proc as proc
            where proc.pronamespace = schema.oid and proc.proowner <> owner.oid
        ),
        false
    ) as owns_all
from me
cross join owner
left join schema on true;

-- name: lacks
-- Privileges ($3) that a role ($1) lacks on tables ($2), table by table and in the same order; and whether the role may
-- create in a schema ($4).
select
    array(
        select pg_catalog.format('grant %s on %s to %I', needed.privilege, needed.name, $1::text)
        from unnest($2::text[], $3::text[]) with ordinality as needed(name, privilege, place)
        where not pg_catalog.has_table_privilege($1::text::name, pg_catalog.to_regclass(needed.name)::oid, needed.privilege)
        order by needed.place
    ) as lacking,
    pg_catalog.has_schema_privilege($1::text::name, $4::text, 'create'::text) as may_create,
    (
        select pg_catalog.pg_has_role(current_user, namespace.nspowner, 'usage'::text)
        from pg_catalog.pg_namespace as namespace
        where namespace.nspname::text = $4::text
    ) as may_grant;

-- name: of_schema
-- The owner of schema listener, if the session's role is another role that may act as the owner.
select
    owner.rolname::text as owner,
    me.rolsuper as is_superuser
from pg_catalog.pg_namespace as namespace
inner join pg_catalog.pg_roles as owner on owner.oid = namespace.nspowner
inner join pg_catalog.pg_roles as me on me.rolname = current_user
where
    namespace.nspname = 'listener'::name
    and owner.oid <> me.oid
    and pg_catalog.pg_has_role(me.oid, owner.oid, 'member'::text);

-- name: could_act_as
-- Whether the session's role may act as another role ($1) that may read tables ($2); no row if not, or if both are the
-- same role.
select me.rolsuper as is_superuser
from pg_catalog.pg_roles as owner
inner join pg_catalog.pg_roles as me on me.rolname = current_user
where
    owner.rolname::text = $1::text
    and owner.oid <> me.oid
    and pg_catalog.pg_has_role(me.oid, owner.oid, 'member'::text)
    and not exists (
        select
        from pg_catalog.unnest($2::text[]) as named(name)
        where not pg_catalog.has_table_privilege(owner.oid, pg_catalog.to_regclass(named.name)::oid, 'select'::text)
    );
