-- Who of these profiles should be where: the query, as it was written. By key, whatever is known of its tables.
create or replace function listener.wanted(among {{profile_key_type}}[])
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}})
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
#variable_conflict use_column
begin
    return query
    select distinct wanted.profile_id::{{profile_key_type}}, wanted.course_id::{{course_key_type}}
    from (
        {{wanted_query}}
    ) as wanted(profile_id, course_id)
    where wanted.profile_id = any (among) and wanted.course_id is not null;
end;
$$;
