-- Profiles in these partitions that are astray.
create or replace function listener.astray_in(partitions oid[])
returns setof {{profile_key_type}}
language plpgsql stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = on as $$
begin
    return query
    with as_bound as materialized (
        select
            {{students_as_bound}} as holds
    )
    select astray.profile_id
    from listener.astray() as astray
    where (select as_bound.holds from as_bound)
    intersect
    select {{profile_key:placed}}::{{profile_key_type}}
    from {{profile_table}} as placed
    where placed.tableoid = any (partitions);
end;
$$;
