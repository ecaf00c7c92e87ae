-- What a statement wrote, or took away, counted for each course.
create or replace function listener.note_{{rows}}_enrollments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        select array_agg(counted.course_id), array_agg({{sign}}counted.enrollments)
        into course_ids, deltas
        from (
            select {{enrollment_course:written}} as course_id, count(*) as enrollments
            from {{rows}} as written
            where ({{is_counted:written}}) is true and {{enrollment_course:written}} is not null
            group by {{enrollment_course:written}}
        ) as counted;
    exception when others then
        perform listener.note_blindly('enrollments', lower(tg_op), sqlstate);
        return null;
    end;
    {{note_deltas_of_enrollments}}
end;
$$;
