-- How Postgres writes down the query that it was given to try, and the types of its columns.
select
    pg_get_viewdef('pg_temp.listener_expression'::regclass) as definition,
    array(
        select format_type(attribute.atttypid, attribute.atttypmod)
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = 'pg_temp.listener_expression'::regclass
            and attribute.attnum > 0
        order by attribute.attnum
    ) as types
