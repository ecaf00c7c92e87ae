-- Facts about a table for the keys' repair alone ($1: schema, $2: name, $3: the columns that say which profile and
-- which course).
with enrollments as (
    select class.oid, class.relnamespace
    from pg_catalog.pg_class as class
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    where namespace.nspname = $1 and class.relname = $2
),

own_index as (
    select
        index_class.oid,
        index_class.relname as name,
        index.indisvalid as valid,
        index.indisunique as is_unique,
        array(
            select attribute.attname::text
            from unnest(index.indkey::int2[]) with ordinality as key(attnum, position)
            inner join pg_catalog.pg_attribute as attribute
                on attribute.attrelid = enrollments.oid and attribute.attnum = key.attnum
            where key.position <= index.indnkeyatts
            order by key.position
        ) as columns
    from enrollments
    inner join pg_catalog.pg_index as index on index.indrelid = enrollments.oid
    inner join pg_catalog.pg_class as index_class on index_class.oid = index.indexrelid
)

select
    -- An index cannot have the name of any relation in the schema, a constraint not of any other of the table.
    array(
        select class.relname::text
        from enrollments
        inner join pg_catalog.pg_class as class on class.relnamespace = enrollments.relnamespace
        union
        select "constraint".conname::text
        from enrollments
        inner join pg_catalog.pg_constraint as "constraint" on "constraint".conrelid = enrollments.oid
    ) as taken_names,
    -- Remains of an interrupted CREATE INDEX CONCURRENTLY.
    array(
        select own_index.name::text
        from own_index
        where
            not own_index.valid
            and not exists (
                select from pg_catalog.pg_stat_progress_create_index as at_work where at_work.index_relid = own_index.oid
            )
    ) as invalid_indexes,
    -- A unique key of the pair for some rows only, or with further columns: the LMS has decided about duplicates.
    exists (
        select from own_index where own_index.valid and own_index.is_unique and own_index.columns @> $3::text[]
    ) as pair_decided,
    coalesce(
        (
            select array(
                select coalesce(attribute.attname::text, '')
                from unnest(partitioned.partattrs::int2[]) as key(attnum)
                left join pg_catalog.pg_attribute as attribute
                    on attribute.attrelid = enrollments.oid and attribute.attnum = key.attnum
            )
            from enrollments
            inner join pg_catalog.pg_partitioned_table as partitioned on partitioned.partrelid = enrollments.oid
        ),
        '{}'
    ) as partition_key,
    coalesce(
        (
            select json_object_agg(
                "constraint".conname,
                json_build_object(
                    'deferrable', "constraint".condeferrable,
                    'deferred', "constraint".condeferred,
                    'match_full', "constraint".confmatchtype = 'f',
                    -- NOT ENFORCED came with Postgres 18.
                    'enforced', coalesce((to_jsonb("constraint") ->> 'conenforced')::boolean, true),
                    'comment', obj_description("constraint".oid, 'pg_constraint')
                )
            )
            from enrollments
            inner join pg_catalog.pg_constraint as "constraint" on "constraint".conrelid = enrollments.oid
            where "constraint".contype = 'f'
        ),
        '{}'
    ) as foreign_keys
