-- What row-level security hides from the owner of the adapter's functions, with whose rights everyone reads the tables.
select
    owner.rolname::text as owner,
    format('%s.%s', namespace.nspname, class.relname) as hidden
from unnest($1::text[], $2::text[]) as wanted(schema, name)
inner join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema
inner join pg_catalog.pg_class as class
    on class.relnamespace = namespace.oid and class.relname = wanted.name
inner join pg_catalog.pg_proc as students on students.oid = 'listener.students'::regproc
inner join pg_catalog.pg_roles as owner on owner.oid = students.proowner
where
    class.relrowsecurity
    and not owner.rolsuper
    and not owner.rolbypassrls
    and (class.relforcerowsecurity or not pg_has_role(owner.oid, class.relowner, 'usage'))
order by hidden
