-- What a school has no need of: functions that are called all the same, and find nothing to do.

-- name: no_drift
-- No counts are kept, so none can be off.
create or replace function listener.drifted_counts()
returns table (id {{course_key_type}}, count_column text, current bigint, expected bigint, drift bigint)
language sql stable set search_path = pg_catalog, pg_temp as $$
    select null::{{course_key_type}}, null::text, null::bigint, null::bigint, null::bigint
    where false
$$;

-- name: no_forgetting
-- No profile is ever forgotten.
create or replace function listener.forget_deleted() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select 0::bigint
$$;

-- name: no_count_made
-- No brake allows a part of the enrollments, so none are counted.
create or replace function listener.count_made() returns void
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
$$;

-- name: no_partitions
-- No table is partitioned.
create or replace function listener.partitions_changed() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select false
$$;
create or replace function listener.follow_partitions() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select 0::bigint
$$;

-- name: no_rule_parts
-- The rule is no query by hand, of which a part could be replaced, or go.
create or replace function listener.replaced_part() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select null::text
$$;
create or replace function listener.unread_by_query() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select null::text
$$;

-- name: no_history
-- No history is kept, so there is none to delete.
create or replace function listener.purge_history(from_id bigint, most integer, out gone bigint, out last_id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select 0::bigint, null::bigint
$$;
