-- Of these profiles, or of all: who is a student now.
create or replace function listener.students(among {{profile_key_type}}[] default null)
returns setof {{profile_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp{{query_settings}} as $$
#variable_conflict use_column
begin
    if among is null then
        return query
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id);
    else
        return query
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        where student.id = any (among);
    end if;
    {{expect_student_columns}}
end;
$$;
