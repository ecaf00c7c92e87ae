-- Parts: a function checks that tables and columns are still the bound tables and columns.

-- name: by_lms_path
(select pg_catalog.set_config('search_path', {{path}}, true)) is not null

-- name: expect_for_anybody
if exists (
    select
    from (
        values
            {{tables}}
    ) as bound (name, oid, owner)
    left join pg_catalog.pg_class as class
        on class.oid = bound.oid and class.oid = pg_catalog.to_regclass(bound.name)::oid
    where (
        class.relowner = bound.owner
        or class.relowner = (select nspowner from pg_catalog.pg_namespace where nspname = 'listener'::pg_catalog.name)
    ) is not true
) then
    raise undefined_table using message = 'a table is not the one that was bound, or belongs to somebody else now';
end if;

-- name: hold_table
lock table only {{table}} in access share mode;

-- name: own_path
-- (PERFORM would be a query, which costs more.)
if pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true) is null then
    null;
end if;

-- name: own_path_again
set constraints all immediate;
{{own_path}}

-- name: query_settings
-- However the caller's session is tuned: the query may look something up for each profile, which only a nested loop does by
-- an index.
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on
