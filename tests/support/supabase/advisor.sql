-- What Supabase's Security and Performance Advisor would warn of, by the facts that its rules look at, in words of our own:
-- one row for each finding. Schemas that Supabase keeps for itself are left out, as there. `pgrst.db_schemas` says which
-- schemas the API offers; roles `anon` and `authenticated` are whom it may be called by.
with looked_at as (
    select pg_namespace.oid, pg_namespace.nspname
    from pg_namespace
    where pg_namespace.nspname !~ '^pg_' and pg_namespace.nspname not in ('information_schema', 'auth', 'storage', 'extensions')
),

offered as (
    select looked_at.oid
    from looked_at
    where looked_at.nspname = any (
        array(select trim(name) from unnest(string_to_array(current_setting('pgrst.db_schemas', true), ',')) as name)
    )
),

-- Whatever has rows, and who of the API's may read it.
relation as (
    select
        class.oid,
        class.relkind,
        class.relrowsecurity,
        class.reloptions,
        class.oid::regclass::text as label,
        class.relnamespace in (select offered.oid from offered) as is_offered,
        has_table_privilege('anon', class.oid, 'select') as is_anybody_s,
        has_table_privilege('authenticated', class.oid, 'select') as is_every_user_s
    from pg_class as class
    inner join looked_at on looked_at.oid = class.relnamespace
    where class.relkind in ('r', 'p', 'v', 'm', 'f')
),

function as (
    select
        proc.oid::regprocedure::text as label,
        proc.prosecdef,
        exists (select from unnest(proc.proconfig) as setting where setting like 'search\_path=%') as has_path,
        proc.pronamespace in (select offered.oid from offered) as is_offered,
        has_function_privilege('anon', proc.oid, 'execute') as is_anybody_s,
        has_function_privilege('authenticated', proc.oid, 'execute') as is_every_user_s
    from pg_proc as proc
    inner join looked_at on looked_at.oid = proc.pronamespace
),

index_of as (
    select
        index.indexrelid,
        index.indrelid,
        index.indkey::smallint[] as columns,
        index.indisprimary,
        index.indisunique,
        index.indisvalid,
        regexp_replace(pg_get_indexdef(index.indexrelid), ' INDEX \S+ ON ', ' INDEX ON ') as definition,
        relation.label
    from pg_index as index
    inner join relation on relation.oid = index.indrelid
),

policy as (
    select
        relation.label,
        relation.oid,
        relation.relrowsecurity,
        pg_policy.polname,
        pg_policy.polcmd,
        pg_policy.polpermissive,
        coalesce(pg_get_expr(pg_policy.polqual, pg_policy.polrelid), '')
        || ' ' || coalesce(pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid), '') as says
    from pg_policy
    inner join relation on relation.oid = pg_policy.polrelid
)

select 'function_search_path_mutable' as rule, function.label as what
from function
where not function.has_path
union all
select 'security_definer_view', relation.label
from relation
where
    relation.relkind = 'v'
    and relation.is_offered
    and (relation.is_anybody_s or relation.is_every_user_s)
    and current_setting('server_version_num')::integer >= 150000
    and not coalesce(lower(relation.reloptions::text)::text[] && '{security_invoker=true,security_invoker=on,security_invoker=1,security_invoker=yes}', false)
union all
select 'auth_users_exposed', relation.label
from relation
inner join pg_rewrite on pg_rewrite.ev_class = relation.oid
inner join pg_depend on pg_depend.objid = pg_rewrite.oid
where
    pg_depend.refobjid = 'auth.users'::regclass
    and relation.is_offered
    and (relation.is_anybody_s or relation.is_every_user_s)
union all
select 'rls_disabled_in_public', relation.label
from relation
where
    relation.relkind in ('r', 'p')
    and relation.is_offered
    and not relation.relrowsecurity
    and (relation.is_anybody_s or relation.is_every_user_s)
union all
select 'materialized_view_or_foreign_table_in_api', relation.label
from relation
where relation.relkind in ('m', 'f') and relation.is_offered and (relation.is_anybody_s or relation.is_every_user_s)
union all
select 'security_definer_function_executable', function.label
from function
where function.prosecdef and function.is_offered and (function.is_anybody_s or function.is_every_user_s)
union all
select 'anon_object_exposed', relation.label
from relation
where relation.is_anybody_s
union all
select 'policy_exists_rls_disabled', policy.label || ' ' || policy.polname
from policy
where not policy.relrowsecurity
union all
select 'rls_enabled_no_policy', relation.label
from relation
where relation.relkind in ('r', 'p') and relation.relrowsecurity and not exists (select from policy where policy.oid = relation.oid)
union all
select 'policy_always_true_or_by_user_metadata', policy.label || ' ' || policy.polname
from policy
where policy.says ~ '^\s*\(?(true|1 ?= ?1)\)?\s*$' or policy.says ~ 'user_metadata'
union all
select 'auth_rls_initplan', policy.label || ' ' || policy.polname
from policy
where policy.says ~ 'auth\.(uid|jwt|role|email)\(\)' and lower(policy.says) !~ 'select auth\.'
union all
select 'multiple_permissive_policies', policy.label
from policy
where policy.polpermissive
group by policy.label, policy.polcmd
having count(*) > 1
union all
select 'extension_in_public', pg_extension.extname::text
from pg_extension
where pg_extension.extnamespace = 'public'::regnamespace
union all
select 'unsupported_reg_type', relation.label || '.' || attribute.attname
from relation
inner join pg_attribute as attribute on attribute.attrelid = relation.oid
where
    attribute.attnum > 0
    and attribute.atttypid::regtype::text in (
        'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure'
    )
union all
select 'no_primary_key', relation.label
from relation
where
    relation.relkind = 'r'
    and not exists (select from index_of where index_of.indrelid = relation.oid and index_of.indisprimary)
union all
select 'unindexed_foreign_key', relation.label || ' ' || pg_constraint.conname
from pg_constraint
inner join relation on relation.oid = pg_constraint.conrelid
where
    pg_constraint.contype = 'f'
    and not exists (
        select from index_of
        where
            index_of.indrelid = relation.oid
            and index_of.indisvalid
            -- The numbers of an index's columns begin at 0.
            and index_of.columns[0:cardinality(pg_constraint.conkey) - 1] = pg_constraint.conkey
    )
union all
select 'fkey_to_auth_unique', relation.label || ' ' || pg_constraint.conname
from pg_constraint
inner join relation on relation.oid = pg_constraint.conrelid
inner join pg_class as referred on referred.oid = pg_constraint.confrelid
inner join pg_index as referred_index on referred_index.indexrelid = pg_constraint.conindid
where
    pg_constraint.contype = 'f'
    and referred.relnamespace = 'auth'::regnamespace
    and not referred_index.indisprimary
union all
select 'duplicate_index', index_of.label || ': ' || index_of.definition
from index_of
group by index_of.label, index_of.definition
having count(*) > 1
