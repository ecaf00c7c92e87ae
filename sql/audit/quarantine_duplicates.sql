-- Of enrollments of one profile in one course, one stays: an active one rather than not, the oldest if that is known.
with ranked as (
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id,
        row_number() over (
            partition by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
            order by ({{is_active:enrollment}}) is true desc, {{enrollment_date:enrollment}} nulls last, enrollment.ctid
        ) as place
    from {{enrollment_table}} as enrollment
    where {{enrollment_profile:enrollment}} is not null and {{enrollment_course:enrollment}} is not null
),

surplus as (
    select table_oid, row_id
    from ranked
    where place > 1
    limit $1
),

removed as (
    delete from {{enrollment_table}} as enrollment
    using surplus
    where enrollment.tableoid = surplus.table_oid and enrollment.ctid = surplus.row_id
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', 'another enrollment of the same profile in the same course was kept', removed.content
    from removed
    returning id
)

select count(*) from kept
