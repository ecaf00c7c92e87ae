-- Whose enrollments are not what they should be: whenever their rows were written, as what the query reads may have been
-- written since. Where the rule is about new students alone: whose row was written by that transaction, or by a later one.
create or replace function listener.astray_since(since xid8)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on as $$
begin
    return query
    with as_bound as materialized (select {{students_as_bound}} as holds)
    select distinct astray.profile_id
    from listener.astray() as astray
    where (select as_bound.holds from as_bound){{written_since}};
end;
$$;
