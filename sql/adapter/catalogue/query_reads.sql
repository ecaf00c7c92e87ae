-- What the query that was given to try reads, through views as well: tables with their columns. A column that is computed
-- from others stands for these, too.
with recursive
{{read_view}},

read_column as (
    select depend.refobjid as table_oid, depend.refobjsubid as attnum
    from read_view
    inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = read_view.oid
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::regclass
        and depend.objid = rewrite.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass
    union
    select depend.refobjid, depend.refobjsubid
    from read_column
    inner join pg_catalog.pg_attrdef as computed
        on computed.adrelid = read_column.table_oid and computed.adnum = read_column.attnum
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_attrdef'::regclass
        and depend.objid = computed.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass
        and depend.refobjsubid > 0
)

select
    namespace.nspname as schema_name,
    class.relname as table_name,
    class.relkind::text as kind,
    exists (select from pg_catalog.pg_inherits where pg_inherits.inhparent = class.oid) as has_children,
    class.relispartition as is_partition,
    array(
        select attribute.attname::text
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = class.oid
            and attribute.attnum > 0
            and not attribute.attisdropped
            and (
                -- A row as a whole ({VAR :varno 1 :varattno 0 …): any column of it may matter.
                $1::boolean
                or attribute.attnum in (
                    select read_column.attnum from read_column where read_column.table_oid = class.oid
                )
            )
        order by attribute.attnum
    ) as columns
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.oid in (select read_column.table_oid from read_column)
    and class.relkind <> 'v'
order by namespace.nspname <> 'public', namespace.nspname, class.relname
