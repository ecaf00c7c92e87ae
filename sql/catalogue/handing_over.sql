-- The owner of the installation.

-- name: hand_over
-- From here on, the installation belongs to the owner of the LMS's tables: no part can do more than that owner. In the
-- LMS's own schema, only parts of the installation's earlier owner are handed over.
do $$
declare
    ours text;
begin
    foreach ours in array array(
        select format(
            'alter %s listener.%I owner to %I',
            case class.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, class.relname, {{owner}}::text
        )
        from pg_catalog.pg_class as class
        where
            class.relnamespace = 'listener'::regnamespace::oid
            and class.relkind in ('r', 'v', 'S')
            and pg_get_userbyid(class.relowner) <> {{owner}}::name
            -- (The sequence of a column follows its table.)
            and not exists (
                select
                from pg_catalog.pg_depend
                where
                    pg_depend.classid = 'pg_class'::regclass::oid
                    and pg_depend.objid = class.oid
                    and pg_depend.deptype in ('a', 'i')
            )
        union all
        select format('alter function %s owner to %I', proc.oid::regprocedure, {{owner}}::text)
        from pg_catalog.pg_proc as proc
        where
            proc.pronamespace = 'listener'::regnamespace::oid
            and pg_get_userbyid(proc.proowner) <> {{owner}}::name
        union all
        select format('alter %s owner to %I', ours.name, {{owner}}::text)
        from (
            {{ours}}
        ) as ours
        inner join pg_catalog.pg_namespace as schema on schema.nspname = 'listener'
        where
            pg_get_userbyid(schema.nspowner) <> {{owner}}::name
            and schema.nspowner = case
                when ours.name like 'view %' then (
                    select class.relowner from pg_catalog.pg_class as class
                    where class.oid = to_regclass(substr(ours.name, 6))::oid
                )
                else (
                    select proc.proowner from pg_catalog.pg_proc as proc
                    where proc.oid = to_regprocedure(substr(ours.name, 10))::oid
                )
            end
        union all
        select format('alter schema listener owner to %I', {{owner}}::text)
        from pg_catalog.pg_namespace as schema
        where schema.nspname = 'listener' and pg_get_userbyid(schema.nspowner) <> {{owner}}::name
    )
    loop
        execute ours;
    end loop;
end;
$$;

-- name: triggers_of_others
-- Our triggers on tables that the owner of schema listener no longer owns: that owner could not drop the triggers.
do $$
declare
    old record;
begin
    for old in
        select
            trigger.tgname as name,
            trigger.tgrelid::regclass as on_table
        from pg_catalog.pg_trigger as trigger
        inner join pg_catalog.pg_proc as proc on proc.oid = trigger.tgfoid
        inner join pg_catalog.pg_namespace as schema on schema.oid = proc.pronamespace
        inner join pg_catalog.pg_class as class on class.oid = trigger.tgrelid
        where
            schema.nspname = 'listener'
            and not trigger.tgisinternal
            and trigger.tgparentid = 0
            and not pg_has_role(schema.nspowner, class.relowner, 'usage')
            and pg_has_role(class.relowner, 'usage')
    loop
        execute format('drop trigger %I on %s', old.name, old.on_table);
    end loop;
end;
$$;
