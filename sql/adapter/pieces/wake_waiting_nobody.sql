-- Nobody waits for a seat here.
create or replace function listener.wake_waiting()
returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 0::bigint
$$;
