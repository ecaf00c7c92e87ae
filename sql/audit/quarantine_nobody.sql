-- Moves enrollments that refer to nobody, or to no course, out of the way: at most $1 of them.
with astray as (
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id
    from {{enrollment_table}} as enrollment
    where
        (
            {{enrollment_profile:enrollment}} is not null
            and not exists (
                select
                from {{profile_table}} as profile
                where {{profile_key:profile}} = {{enrollment_profile:enrollment}}
            )
        )
        or (
            {{enrollment_course:enrollment}} is not null
            and not exists (
                select
                from {{course_table}} as course
                where {{course_key:course}} = {{enrollment_course:enrollment}}
            )
        )
    limit $1
),

removed as (
    delete from {{enrollment_table}} as enrollment
    using astray
    where enrollment.tableoid = astray.table_oid and enrollment.ctid = astray.row_id
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', 'refers to nobody or to no course', removed.content
    from removed
    returning id
)

select count(*) from kept
