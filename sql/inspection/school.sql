-- The school in numbers, each of a bounded number of rows.

-- name: figures
with person as (
    select {{profile_key:profile}} as id
    from {{profile_table}} as profile
    limit {{most}}
)

select
    (select count(*) from person) as people,
    (select count(*) from person where person.id in ({{student_view}})) as students,
    (select count(*) from (select from {{enrollment_table}} as enrollment limit {{most}}) as some_of_them) as enrollments,
    (
        select count(*)
        from (
            select ({{is_counted:enrollment}}) is true as counts
            from {{enrollment_table}} as enrollment
            limit {{most}}
        ) as some_of_them
        where some_of_them.counts
    ) as active,
    (select count(*) from (select from {{course_table}} as course limit {{most}}) as some_of_them) as courses,
    (
        select count(*)
        from (
            select ({{is_available:course}}) is true as is_open
            from {{course_table}} as course
            limit {{most}}
        ) as some_of_them
        where some_of_them.is_open
    ) as open_courses;

-- name: destination
select ({{default_course_view}})::{{course_key_type}}::text;

-- name: title
-- The column by which people know a course: the first of these names, $3, that is a text. $1 and $2 are its table's.
select attribute.attname
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_class as class on class.oid = attribute.attrelid
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
inner join pg_catalog.pg_type as type on type.oid = attribute.atttypid
where
    namespace.nspname = $1 and class.relname = $2 and attribute.attnum > 0 and not attribute.attisdropped
    and type.typcategory = 'S' and has_column_privilege(class.oid, attribute.attnum, 'select')
    and lower(replace(attribute.attname, '_', '')) = any ($3::text [])
order by array_position($3::text [], lower(replace(attribute.attname, '_', '')))
limit 1;
