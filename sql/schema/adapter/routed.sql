-- The profiles to which rows with these keys lead, along a route from a watched table. By key. No profile for a route
-- that a later installation does not know: that installation looks at all profiles when it begins.
create or replace function listener.routed(route text, keys text[])
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
#variable_conflict use_column
begin
    {{routes}}
    return;
end;
$$;
