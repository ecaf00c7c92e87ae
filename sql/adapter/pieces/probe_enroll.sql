-- Fails if nobody could be enrolled, whoever it is. The statement is planned, and does not run.
create or replace function listener.probe_enroll() returns void
language plpgsql security definer set search_path = {{lms_search_path}} as $$
declare
    step record;
begin
    perform listener.expect('{{enrollment_name}}', '{{enrollment_oid}}');
    for step in
        explain (costs off)
        insert into {{enrollment_table}} ({{enrollment_columns}})
        select student.id, null::{{course_key_type}}{{enrollment_values:profile}}
        from pg_catalog.unnest(null::{{profile_key_type}}[]) as student(id){{enrolling_join}}
    loop
        null;
    end loop;
end;
$$;
