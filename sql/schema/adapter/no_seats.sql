-- No course has a limit of seats, so no student is in line.
create or replace function listener.wake_waiting(among {{course_key_type}}[] default null)
returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
    select 0::bigint
$$;
