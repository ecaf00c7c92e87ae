-- Fails if no student at all could be enrolled. The statement is planned, and does not run; it is a part of another, as
-- where students are enrolled: a rule (CREATE RULE) would not have that.
create or replace function listener.probe_enroll() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    step record;
begin
    {{expect_enrolling}}
    for step in
        explain (costs off) with enrolled as (
            insert into {{enrollment_table}} ({{enrollment_columns}})
            select student.id, student.course_id{{enrollment_values:profile}}
            from (
                select profile.id, null::{{course_key_type}} as course_id
                from pg_catalog.unnest(null::{{profile_key_type}}[]) as profile(id)
            ) as student
            {{enrolling_join}}
            returning true
        )

        select from enrolled
    loop
        null;
    end loop;
end;
$$;
