-- name: title_column
-- The column by which people know a course: the first of these names that is a text.
select attribute.attname
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_type as type on type.oid = attribute.atttypid
where
    attribute.attrelid = {{titled_table}} and attribute.attnum > 0 and not attribute.attisdropped
    and type.typcategory = 'S' and pg_catalog.has_column_privilege(attribute.attrelid, attribute.attnum, 'select')
    and lower(replace(attribute.attname, '_', '')) = any ({{title_names}}::text [])
order by array_position({{title_names}}::text [], lower(replace(attribute.attname, '_', '')))
limit 1
