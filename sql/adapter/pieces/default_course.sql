-- Where a new student lands now; null while there is no course to be had. (Not called as the view is: some tools tell a
-- function without arguments from a view by its name alone.)
create or replace function listener.default_course_id()
returns {{course_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    found_id {{course_key_type}};
begin
    found_id := (
        {{default_course_view}}
    );
    {{expect_default_course_columns}}
    return found_id;
end;
$$;
