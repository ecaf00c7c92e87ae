-- Makes room for the code that follows. All the code is in this schema, but for triggers and the objects named below.
do $$
declare
    old record;
begin
    for old in
        select
            pg_trigger.tgname as name,
            pg_trigger.tgrelid::regclass as on_table
        from pg_catalog.pg_trigger
        inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
        where
            pg_proc.pronamespace = 'listener'::regnamespace::oid
            and not pg_trigger.tgisinternal
            and pg_trigger.tgparentid = 0
    loop
        execute format('drop trigger %I on %s', old.name, old.on_table);
    end loop;
end;
$$;

{{clear_statistics}}

drop view if exists
    listener.squatter, listener.lock_holder, listener.entitled_session, listener.wanted_missing, listener.due_blind_note,
    listener.course_drift, listener.course_live_count, listener.count_on_its_way, listener.default_course, listener.course,
    listener.enrollment, listener.student, listener.last_checkpoint;

do $$
declare
    old record;
begin
    for old in
        select pg_proc.oid::regprocedure as name
        from pg_catalog.pg_proc
        where pg_proc.pronamespace = 'listener'::regnamespace::oid
    loop
        execute format('drop function %s', old.name);
    end loop;
end;
$$;

delete from listener.adapter;
delete from listener.binding;
