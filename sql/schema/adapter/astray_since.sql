-- Profiles astray: all, as rows that the query reads may have been written since. Where the rule is about new students
-- alone: profiles with a row written by transaction `since`, or later.
create or replace function listener.astray_since(since xid8)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on as $$
begin
    return query
    with as_bound as materialized (
        select
            {{students_as_bound}} as holds
    )
    select distinct astray.profile_id
    from listener.astray() as astray
    where (select as_bound.holds from as_bound)
    {{written_since}};
end;
$$;
