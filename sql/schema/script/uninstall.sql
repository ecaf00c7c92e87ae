-- The LMS's own triggers work again, as before they were taken over, on tables of any present name.
do $$
declare
    taken_over record;
begin
    for taken_over in
        select
            entry.value -> 'table' ->> 'schema' as schema_name,
            entry.value -> 'table' ->> 'name' as table_name,
            entry.value ->> 'trigger' as name,
            entry.value ->> 'enabled' as enabled,
            to_regclass(
                format('%I.%I', entry.value -> 'table' ->> 'schema', entry.value -> 'table' ->> 'name')
            )::oid as table_oid
        from listener.installation
        cross join lateral jsonb_array_elements(installation.mapping -> 'taken_over') as entry
    loop
        if to_regclass('listener.binding')::oid is not null then
            select bound.table_oid into taken_over.table_oid
            from listener.bound_now() as bound
            where bound.token = taken_over.schema_name || '.' || taken_over.table_name;
        end if;
        continue when not exists (
            select from pg_catalog.pg_trigger
            where
                pg_trigger.tgrelid = taken_over.table_oid
                and pg_trigger.tgname = taken_over.name
                and pg_trigger.tgenabled = 'D'
        );
        execute format(
            'alter table %s enable %s trigger %I',
            taken_over.table_oid::regclass,
            case taken_over.enabled when 'A' then 'always' when 'R' then 'replica' else '' end,
            taken_over.name
        );
    end loop;
end;
$$;

{{clear_statistics}}

-- The index that install may have added, and the indexes of tables made like its table, by the same owner.
do $$
declare
    ours regclass;
    owners oid[];
begin
    select array_agg(namespace.nspowner) into owners
    from pg_catalog.pg_namespace as namespace
    where namespace.nspname = 'listener';
    if to_regclass('listener.binding')::oid is not null then
        select owners || array_agg(class.relowner) into owners
        from listener.binding
        inner join pg_catalog.pg_class as class on class.oid = binding.table_oid
        where binding.token = 'enrollments';
    end if;
    for ours in
        select class.oid::regclass
        from pg_catalog.pg_class as class
        where
            class.relkind in ('i', 'I')
            and not class.relispartition
            and class.relowner = any (owners)
            and (
                class.relname = 'listener_enrollment_profile'
                or obj_description(class.oid, 'pg_class') = 'made by listener install'
            )
    loop
        execute format('drop index %s', ours);
    end loop;
end;
$$;

drop schema listener cascade;
