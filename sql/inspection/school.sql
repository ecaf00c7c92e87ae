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
