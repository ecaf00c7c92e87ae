-- Moves enrollments out of the way whose profile, or course, is not there: at most $1 of them.
with orphan as (
    select
        enrollment.tableoid as table_oid,
        enrollment.ctid as row_id
    from {{enrollment_table}} as enrollment
    where
        {{reference:enrollment}} is not null
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{reference:enrollment}}
        )
    limit $1
),

removed as (
    delete from {{enrollment_table}} as enrollment
    using orphan
    where enrollment.tableoid = orphan.table_oid and enrollment.ctid = orphan.row_id
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', {{reason}}, removed.content
    from removed
    returning id
)

select count(*) from kept
