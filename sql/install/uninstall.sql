begin;

set local lock_timeout = '200ms';
set local search_path = pg_catalog, pg_temp;

-- The LMS's own triggers work again, as they did before they were taken over.
do $$
declare
    taken_over record;
begin
    for taken_over in
        select
            class.oid::regclass as on_table,
            pg_trigger.tgname as name,
            entry.value ->> 'enabled' as enabled
        from listener.installation
        cross join lateral jsonb_array_elements(installation.mapping -> 'taken_over') as entry
        inner join pg_catalog.pg_namespace as namespace on namespace.nspname = entry.value -> 'table' ->> 'schema'
        inner join pg_catalog.pg_class as class
            on class.relnamespace = namespace.oid and class.relname = entry.value -> 'table' ->> 'name'
        inner join pg_catalog.pg_trigger
            on pg_trigger.tgrelid = class.oid and pg_trigger.tgname = entry.value ->> 'trigger'
        where pg_trigger.tgenabled = 'D'
    loop
        execute format(
            'alter table %s enable %s trigger %I',
            taken_over.on_table,
            case taken_over.enabled when 'A' then 'always' when 'R' then 'replica' else '' end,
            taken_over.name
        );
    end loop;
end;
$$;

{{clear_statistics}}

-- The index that install may have added.
do $$
declare
    ours regclass;
begin
    for ours in
        select class.oid::regclass
        from pg_catalog.pg_class as class
        where class.relkind in ('i', 'I') and not class.relispartition and class.relname = 'listener_enrollment_profile'
    loop
        execute format('drop index %s', ours);
    end loop;
end;
$$;

drop schema listener cascade;

commit;
