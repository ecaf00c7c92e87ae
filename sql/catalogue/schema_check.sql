-- The owner of a schema called listener, and objects there that no installation of ours has made; no row if there is no
-- schema of that name, or nothing there that could be read. Asks the catalogue alone, by operators of pg_catalog on
-- types of pg_catalog: no object of another role is read or called. $1: the names of our tables, $2: the columns of the
-- table that is read first, $3: the same table's columns before the first release.
with schema as (
    select namespace.oid, namespace.nspowner as owner_oid, owner.rolname, owner.rolsuper
    from pg_catalog.pg_namespace as namespace
    inner join pg_catalog.pg_roles as owner on owner.oid = namespace.nspowner
    where namespace.nspname = 'listener'::name
),

relation as (
    select class.oid, class.relname, class.relkind, class.relowner, class.relispartition
    from schema
    inner join pg_catalog.pg_class as class on class.relnamespace = schema.oid
),

installation as (
    select
        relation.oid as table_oid,
        array(
            select pg_catalog.format('%s %s', attribute.attname, pg_catalog.format_type(attribute.atttypid, null))
            from pg_catalog.pg_attribute as attribute
            where attribute.attrelid = relation.oid and attribute.attnum > 0::smallint and not attribute.attisdropped
            order by attribute.attnum
        ) as columns
    from relation
    where relation.relname = 'installation'::name
),

stranger as (
    select pg_catalog.format('listener.%I, which belongs to %I', relation.relname, owner.rolname) as what
    from relation
    cross join schema
    inner join pg_catalog.pg_roles as owner on owner.oid = relation.relowner
    where relation.relowner <> schema.owner_oid and not owner.rolsuper
    union all
    select pg_catalog.format('listener.%I(), which belongs to %I', proc.proname, owner.rolname)
    from schema
    inner join pg_catalog.pg_proc as proc on proc.pronamespace = schema.oid
    inner join pg_catalog.pg_roles as owner on owner.oid = proc.proowner
    where proc.proowner <> schema.owner_oid and not owner.rolsuper
    union all
    select pg_catalog.format('listener.%I, which is no ordinary table', relation.relname)
    from relation
    where
        relation.relname::text = any ($1::text[])
        and (
            relation.relkind <> 'r'::"char"
            or relation.relispartition
            or exists (
                select from pg_catalog.pg_inherits as child
                where child.inhrelid = relation.oid or child.inhparent = relation.oid
            )
        )
    union all
    select pg_catalog.format('listener.%I, which has other columns than ours', relation.relname)
    from relation
    inner join installation on installation.table_oid = relation.oid
    where installation.columns <> $2::text[] and installation.columns <> $3::text[]
    union all
    select pg_catalog.format('listener.%I, which has a rule', relation.relname)
    from relation
    inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = relation.oid
    where relation.relkind = 'r'::"char"
    union all
    select pg_catalog.format('listener.%I, which has a policy', relation.relname)
    from relation
    inner join pg_catalog.pg_policy as policy on policy.polrelid = relation.oid
    union all
    select pg_catalog.format('listener.%I, which has a trigger', relation.relname)
    from relation
    cross join schema
    inner join pg_catalog.pg_trigger as trigger on trigger.tgrelid = relation.oid
    inner join pg_catalog.pg_proc as proc on proc.oid = trigger.tgfoid
    where
        not trigger.tgisinternal
        -- Ours, where keys may be long. (A function of another owner's is a stranger, too.)
        and (proc.pronamespace <> schema.oid or proc.proname <> 'pass_over_long_key'::name)
),

-- Roles with rights that we have, and the schema's owner has not.
more as (
    select role.oid, role.rolname, role.rolsuper, role.rolcreaterole, role.rolreplication
    from schema
    cross join pg_catalog.pg_roles as role
    where
        pg_catalog.pg_has_role(role.oid, 'usage'::text)
        and not pg_catalog.pg_has_role(schema.owner_oid, role.oid, 'usage'::text)
),

-- The rights themselves, which a role could take by a function that we call.
right_of_ours as (
    select more.rolname as role, 'may do more'::text as what
    from more
    where
        more.rolsuper
        or more.rolcreaterole
        or more.rolreplication
        or more.rolname in (
            'pg_read_all_data'::name, 'pg_write_all_data'::name, 'pg_execute_server_program'::name,
            'pg_read_server_files'::name, 'pg_write_server_files'::name, 'pg_maintain'::name
        )
    union all
    select more.rolname, 'owns this database'::text
    from more
    inner join pg_catalog.pg_database as database on database.datdba = more.oid
    where database.datname = pg_catalog.current_database()
    union all
    select more.rolname, pg_catalog.format('owns %I.%I', namespace.nspname, class.relname)
    from more
    inner join pg_catalog.pg_class as class on class.relowner = more.oid
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where class.relkind in ('r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char")
    union all
    select more.rolname, pg_catalog.format('has rights on %I.%I', namespace.nspname, class.relname)
    from schema
    cross join pg_catalog.pg_class as class
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    cross join lateral pg_catalog.aclexplode(class.relacl) as entry
    inner join more on more.oid = entry.grantee
    where
        class.relkind in ('r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char")
        and class.relnamespace <> schema.oid
        and not pg_catalog.has_table_privilege(schema.owner_oid, class.oid, entry.privilege_type)
)

select
    schema.rolname::text as owner,
    current_user::text as me,
    -- The owner can gain nothing by us: the owner is our role, or a superuser, or may do all that we may.
    case
        when schema.owner_oid <> we.oid and not schema.rolsuper
            then (
                select pg_catalog.format('%I %s', right_of_ours.role, right_of_ours.what)
                from right_of_ours
                order by right_of_ours.what <> 'may do more', right_of_ours.role <> current_user, right_of_ours.what
                limit 1
            )
    end as more_than_owner,
    (select pg_catalog.min(stranger.what) from stranger) as stranger,
    (select pg_catalog.count(*) from stranger) as strangers,
    installation.columns = $3::text[] as of_development
from schema
cross join installation
inner join pg_catalog.pg_roles as we on we.rolname = current_user
