-- The cluster's identifier; null where the role may not know.
create or replace function listener.cluster_identifier() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return (select pg_control_system.system_identifier from pg_catalog.pg_control_system());
exception when insufficient_privilege then
    return null;
end;
$$;

-- Whether this is a copy of the installed database: numbers mean nothing here, only names do.
create or replace function listener.is_a_copy() returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select
        bound_in.database_oid is distinct from (
            select pg_database.oid from pg_catalog.pg_database where pg_database.datname = current_database()
        )
        or coalesce(bound_in.system_identifier <> listener.cluster_identifier(), false)
    from listener.bound_in
$$;

-- Whether the LMS now works with a table that has the name of a bound table, which is still there under another name:
-- the newcomer has every column that is needed, and enrollments do not refer to the bound table.
create or replace function listener.takes_the_place(newcomer oid, bound_table oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select not exists (
        select from listener.binding where binding.table_oid = newcomer
    )
    and not exists (
        select
        from listener.binding
        inner join pg_catalog.pg_constraint as foreign_key
            on foreign_key.conrelid = coalesce(
                to_regclass(format('%I.%I', binding.schema_name, binding.table_name))::oid, binding.table_oid
            )
        where
            binding.attnum is null
            and foreign_key.contype = 'f'
            and foreign_key.confrelid = bound_table
            and foreign_key.conrelid <> bound_table
    )
    and not exists (
        select
        from listener.binding
        left join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = newcomer
            and attribute.attname = binding.name
            and attribute.attnum > 0
            and not attribute.attisdropped
        left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
        where
            binding.table_oid = bound_table
            and binding.attnum is not null
            and binding.label_oid is null
            and binding.stand_in is null
            and (
                attribute.attnum is null
                or coalesce(nullif(type.typbasetype, 0), type.oid) <> binding.key_type
            )
    )
$$;

-- The bound names, as the catalogue has them now. A renamed or moved object is known by its number. A table that is
-- gone, or was renamed, may have been made again: under its name, by the same owner, with all columns. (If it was made
-- partitioned, that is told: the old one is not followed while the LMS works with the new one.) A column that is gone may
-- have been made again, too.
create or replace function listener.bound_now()
returns table (
    token text, table_oid oid, attnum smallint, label_oid oid, schema_name text, table_name text, name text,
    type_oid oid, type_modifier integer, moved boolean, problem text, owner_oid oid
)
language sql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
    with bound_table as (
        select distinct on (binding.table_oid) binding.*
        from listener.binding
        order by binding.table_oid
    ),

    found_table as materialized (
        select
            bound_table.table_oid as bound_oid,
            class.oid as table_oid,
            namespace.nspname::text as schema_name,
            class.relname::text as table_name,
            class.relowner as owner_oid,
            case
                when class.oid is null then format('table %s.%s is gone', bound_table.schema_name, bound_table.table_name)
                when class.relkind <> bound_table.kind or class.relispartition
                    then format('%s.%s is another kind of table now', namespace.nspname, class.relname)
                when
                    class.relowner is distinct from bound_table.owner_oid
                    and not (here.is_a_copy and pg_get_userbyid(class.relowner) = bound_table.owner)
                    and listener.is_trusted(class.relowner) is not true
                    then format(
                        '%s.%s belongs to %s now, not to %s', namespace.nspname, class.relname,
                        pg_get_userbyid(class.relowner), bound_table.owner
                    )
            end as problem
        from bound_table
        cross join (select listener.is_a_copy() as is_a_copy) as here
        left join pg_catalog.pg_class as same on same.oid = bound_table.table_oid
        left join pg_catalog.pg_class as namesake
            on namesake.oid = to_regclass(format('%I.%I', bound_table.schema_name, bound_table.table_name))::oid
            and (
                here.is_a_copy
                or (
                    namesake.oid is distinct from same.oid
                    and (same.oid is null or listener.takes_the_place(namesake.oid, bound_table.table_oid))
                    and (
                        namesake.relkind = bound_table.kind
                        or (namesake.relkind in ('r', 'p') and same.relispartition is not true)
                    )
                    and (
                        namesake.relowner = bound_table.owner_oid
                        or listener.is_trusted(namesake.relowner)
                    )
                )
            )
        left join pg_catalog.pg_class as class on class.oid = coalesce(namesake.oid, same.oid)
        left join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    ),

    found_column as materialized (
        select
            found_table.*,
            binding.token,
            attribute.attnum,
            attribute.attname::text as name,
            attribute.atttypid,
            attribute.atttypmod,
            case when type.typbasetype <> 0 then type.typbasetype else type.oid end as base_type
        from listener.binding
        inner join found_table on found_table.bound_oid = binding.table_oid
        left join listener.binding as of_label
            on binding.label_oid is not null and of_label.token = split_part(binding.token, '=', 1)
        left join pg_catalog.pg_attribute as same
            on found_table.table_oid = binding.table_oid
            and same.attrelid = found_table.table_oid
            and same.attnum = binding.attnum
            and not same.attisdropped
        left join pg_catalog.pg_attribute as namesake
            on same.attnum is null
            and namesake.attrelid = found_table.table_oid
            and namesake.attname = coalesce(of_label.name, binding.name)
            and namesake.attnum > 0
            and not namesake.attisdropped
        left join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = found_table.table_oid
            and attribute.attnum = coalesce(same.attnum, namesake.attnum)
        left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
    )

    select
        binding.token,
        found_column.table_oid,
        case when binding.attnum is not null then found_column.attnum end,
        label.oid,
        found_column.schema_name,
        found_column.table_name,
        case
            when binding.attnum is null then found_column.table_name
            when binding.label_oid is null then found_column.name
            else coalesce(label.enumlabel::text, binding.name)
        end,
        case when binding.attnum is not null then found_column.atttypid end,
        case when binding.attnum is not null then found_column.atttypmod end,
        found_column.table_oid is distinct from binding.table_oid,
        case
            -- Nothing is read of a table that only had a trigger which was taken over.
            when binding.attnum is null and binding.setting = '' then null
            when found_column.problem is not null then found_column.problem
            when binding.attnum is null then null
            when found_column.attnum is null and (binding.stand_in is not null or binding.label_oid is not null) then null
            when found_column.attnum is null
                then format('column %s of %s.%s is gone', binding.name, found_column.schema_name, found_column.table_name)
            when binding.key_type is not null and found_column.base_type <> binding.key_type
                then format(
                    'column %s of %s.%s is of type %s now, not %s', found_column.name, found_column.schema_name,
                    found_column.table_name, format_type(found_column.base_type, null), format_type(binding.key_type, null)
                )
            when binding.label_oid is not null and label.oid is null and is_enum.oid is not null
                then format('%s has no value %L any more', format_type(is_enum.oid, null), binding.name)
        end,
        found_column.owner_oid
    from listener.binding
    inner join found_column on found_column.token = binding.token
    left join pg_catalog.pg_type as is_enum
        on binding.label_oid is not null and is_enum.oid = found_column.base_type and is_enum.typtype = 'e'
    left join lateral (
        select enum.oid, enum.enumlabel
        from pg_catalog.pg_enum as enum
        where
            enum.enumtypid = is_enum.oid
            and (enum.oid = binding.label_oid or enum.enumlabel = binding.name)
        order by enum.oid = binding.label_oid desc
        limit 1
    ) as label on true
$$;
