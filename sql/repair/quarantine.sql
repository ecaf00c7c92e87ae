-- Moves enrollments out of the way.
with astray as materialized (
    {{astray}}
),

removed as (
    delete from {{enrollment_table}} as enrollment
    where {{is_astray}}
    returning to_jsonb(enrollment) as content
),

kept as (
    insert into listener.quarantine (source, reason, content)
    select 'enrollments', '{{reason}}', removed.content
    from removed
    returning id
)

select count(*) from kept
