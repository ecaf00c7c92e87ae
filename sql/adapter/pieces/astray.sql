-- Everybody whose enrollments are not what they should be, and what would be done about each. Reads the tables as a whole.
create or replace function listener.astray()
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, should_be text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on as $$
#variable_conflict use_column
begin
    if not {{enrolls}} then
        return;
    end if;
    return query
    {{astray}};
    {{expect_enrollment_columns}}
end;
$$;
