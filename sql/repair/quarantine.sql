-- Moves enrollments that stand in a key's way to listener.quarantine.
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
