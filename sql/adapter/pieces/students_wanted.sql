-- Of these profiles, or of all: who is wanted anywhere now. However the caller's session is tuned: the query may look
-- something up for each profile, which only a nested loop does by an index.
create or replace function listener.students(among {{profile_key_type}}[] default null)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on as $$
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
