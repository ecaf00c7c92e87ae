-- The objects that the tokens below stand for.
insert into listener.binding (
    token, table_oid, attnum, label_oid, schema_name, table_name, name, owner, owner_oid, kind, type_oid, type_modifier, key_type,
    stand_in, setting
)
select
    named.token,
    class.oid,
    attribute.attnum,
    enum.oid,
    named.schema_name,
    named.table_name,
    coalesce(named.label, named.column_name, named.table_name),
    pg_get_userbyid(class.relowner),
    class.relowner,
    class.relkind,
    attribute.atttypid,
    attribute.atttypmod,
    case when named.is_key then coalesce(nullif(type.typbasetype, 0), type.oid) end,
    named.stand_in,
    named.setting
from (
    values
        {{bindings}}
) as named (token, schema_name, table_name, column_name, label, is_key, stand_in, setting)
left join pg_catalog.pg_namespace as namespace on namespace.nspname = named.schema_name
left join pg_catalog.pg_class as class on class.relnamespace = namespace.oid and class.relname = named.table_name
left join pg_catalog.pg_attribute as attribute
    on attribute.attrelid = class.oid and attribute.attname = named.column_name and not attribute.attisdropped
left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
left join pg_catalog.pg_enum as enum
    on named.label is not null
    and enum.enumtypid = coalesce(nullif(type.typbasetype, 0), type.oid)
    and enum.enumlabel = named.label;

select listener.record_database();

-- The adapter. "{profiles.role}" stands for that column, "{profiles:schema}"."{profiles:table}" for that table.
insert into listener.adapter (position, name, on_table, triggers, probe, setting, definition) values
{{adapter}};

-- The functions and triggers are made.
select listener.bind();

select listener.bind(adapter.on_table)
from listener.adapter
where adapter.on_table is not null
group by adapter.on_table
order by min(adapter.position);
