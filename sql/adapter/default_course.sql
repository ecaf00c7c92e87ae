-- Where a new student lands now; null while there is no course to be had.
create or replace function listener.default_course()
returns {{course_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    perform listener.expect('{{course_name}}', '{{course_oid}}');
    return (
        {{default_course_view}}
    );
end;
$$;
