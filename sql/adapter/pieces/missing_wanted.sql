-- Everybody whose enrollments are not what they should be, each once. Whenever their rows were written: what the query
-- reads may have been.
create or replace function listener.missing_students(since xid8 default null)
returns setof {{profile_key_type}}
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select distinct astray.profile_id
    from listener.astray() as astray
$$;
