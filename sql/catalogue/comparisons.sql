-- The LMS's own conditions on rows of tables ($1 schemas, $2 names): of indexes, policies, views and functions, with the
-- names of the columns; not those of extensions, nor ours. Asked with an empty search_path.
with asked as (
    select
        class.oid,
        namespace.nspname as schema_name,
        class.relname as table_name
    from unnest($1::text[], $2::text[]) as named(schema_name, table_name)
    inner join pg_catalog.pg_namespace as namespace on namespace.nspname = named.schema_name
    inner join pg_catalog.pg_class as class
        on class.relnamespace = namespace.oid and class.relname = named.table_name
)

select
    asked.schema_name,
    asked.table_name,
    case when index.indisunique then 'unique index' else 'index' end as kind,
    index_class.relname::text as name,
    pg_get_expr(index.indpred, index.indrelid) as condition
from asked
inner join pg_catalog.pg_index as index on index.indrelid = asked.oid and index.indpred is not null
inner join pg_catalog.pg_class as index_class on index_class.oid = index.indexrelid
union all
select
    asked.schema_name,
    asked.table_name,
    'policy',
    policy.polname::text,
    pg_get_expr(policy.polqual, policy.polrelid)
from asked
inner join pg_catalog.pg_policy as policy
    on policy.polrelid = asked.oid and policy.polcmd in ('r', '*') and policy.polqual is not null
union all
select
    asked.schema_name,
    asked.table_name,
    'view',
    view.relname::text,
    pg_get_viewdef(view.oid)
from asked
inner join pg_catalog.pg_class as view on view.relkind in ('v', 'm')
where
    view.relname <> 'profile_enrollment_sync_status'
    and pg_has_role(view.relowner, 'usage')
    and exists (
        select
        from pg_catalog.pg_rewrite as rewrite
        inner join pg_catalog.pg_depend as depend
            on depend.classid = 'pg_rewrite'::regclass::oid
            and depend.objid = rewrite.oid
            and depend.refclassid = 'pg_class'::regclass::oid
            and depend.refobjid = asked.oid
        where rewrite.ev_class = view.oid
    )
union all
select
    asked.schema_name,
    asked.table_name,
    'policy of ' || policy.polrelid::regclass::text,
    policy.polname::text,
    pg_get_expr(policy.polqual, policy.polrelid)
from asked
inner join pg_catalog.pg_policy as policy
    on policy.polrelid <> asked.oid and policy.polcmd in ('r', '*') and policy.polqual is not null
where
    exists (
        select
        from pg_catalog.pg_depend as depend
        where
            depend.classid = 'pg_policy'::regclass::oid
            and depend.objid = policy.oid
            and depend.refclassid = 'pg_class'::regclass::oid
            and depend.refobjid = asked.oid
    )
union all
-- Of any table: which tables a function reads stands in its text alone.
select
    '',
    '',
    'function',
    proc.proname::text,
    pg_get_functiondef(proc.oid)
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_language as language on language.oid = proc.prolang and language.lanname in ('sql', 'plpgsql')
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
where
    proc.prokind in ('f', 'p')
    and namespace.nspname not in ('listener', 'pg_catalog', 'information_schema')
    and proc.prorettype <> 'trigger'::regtype::oid
    and pg_has_role(proc.proowner, 'usage')
    and proc.prosrc not like '%made by listener install%'
    and not exists (
        select
        from pg_catalog.pg_depend as depend
        where
            depend.classid = 'pg_proc'::regclass::oid
            and depend.objid = proc.oid
            and depend.refclassid = 'pg_extension'::regclass::oid
            and depend.deptype = 'e'
    );
