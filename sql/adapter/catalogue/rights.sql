-- What the role of this session lacks for the daemon's work. Asks the catalogue alone: that needs no rights.
with needed as (
    select 'USAGE on schema listener' as name, has_schema_privilege('listener', 'usage') as granted
    union all
    select
        format('%s on listener.%s', upper(privilege.name), class.relname),
        has_table_privilege(class.oid, privilege.name)
    from pg_catalog.pg_class as class
    cross join unnest(array['select', 'insert', 'update', 'delete']) as privilege(name)
    where
        class.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'listener')
        and (
            (class.relkind in ('r', 'v') and privilege.name = 'select')
            or (
                class.relkind = 'r'
                and class.relname not in (
                    'installation', 'adapter', 'binding', 'bound_in', 'reaction', 'quarantine', 'course_count'
                )
            )
        )
    union all
    select
        format('EXECUTE on listener.%s', proc.proname),
        has_function_privilege(proc.oid, 'execute')
    from pg_catalog.pg_proc as proc
    where
        proc.pronamespace = (select oid from pg_catalog.pg_namespace where nspname = 'listener')
        and proc.prorettype <> 'trigger'::regtype
        and proc.proname not in ('bind', 'lock_without_waiting', 'move_triggers', 'note_since_trusted')
)

select
    current_user::text as role,
    array(select needed.name from needed where not needed.granted) as lacking
