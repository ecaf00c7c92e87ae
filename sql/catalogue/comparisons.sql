-- The LMS's own conditions on rows of tables ($1 schemas, $2 names): of indexes, policies and views, with the names of
-- the columns. Asked with an empty search_path.
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
    );
