-- Which profiles the rows are about that have these keys, along a route from a table that is watched. By key. Of a route
-- that a later installation does not know, nobody: it looks at everyone when it begins.
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
