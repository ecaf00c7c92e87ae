-- Makes room for the code that follows: views and triggers are made anew, functions are replaced in place.
do $$
declare
    old_trigger record;
begin
    for old_trigger in
        select
            pg_trigger.tgname as name,
            pg_trigger.tgrelid::regclass as on_table
        from pg_catalog.pg_trigger
        inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
        where
            pg_proc.pronamespace = 'listener'::regnamespace
            and not pg_trigger.tgisinternal
            and pg_trigger.tgparentid = 0
    loop
        execute format('drop trigger %I on %s', old_trigger.name, old_trigger.on_table);
    end loop;
end;
$$;

drop view if exists listener.course_drift;
drop view if exists listener.course_live_count;
drop view if exists listener.count_on_its_way;
drop view if exists listener.default_course;
drop view if exists listener.course;
drop view if exists listener.enrollment;
drop view if exists listener.student;

{{clear_statistics}}
