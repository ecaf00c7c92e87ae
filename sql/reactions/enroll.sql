-- Enrolling: the enrollments of the profiles noted are made what they should be
-- (listener.settle), and who has to wait is set aside.
{{feed}},

reaction as materialized (
    select settled.*
    from listener.settle_noted(array(select unnest(batch.profile_ids) from batch), {{outcome}}, $3) as settled
)

select
    batch_summary.*,
    reaction.enrolled,
    reaction.returned,
    reaction.suspended,
    reaction.removed,
    reaction.examples,
    reaction.pending,
    reaction.pending_students,
    exists (select from batch where batch.source = 'courses') as courses_changed,
    (select extract(epoch from reaction.at - min(batch.at))::float8 from batch) as waited,
    -- Of each note about profiles: the seconds that it has waited, and how many profiles it names.
    array(
        select extract(epoch from reaction.at - batch.at)::float8
        from batch
        where batch.profile_ids is not null
    ) as ages,
    array(
        select cardinality(batch.profile_ids)
        from batch
        where batch.profile_ids is not null
    ) as profiles,
    (
        select json_agg(kind)
        from (
            select batch.source, batch.operation, sum(batch.weight) as changes
            from batch
            group by batch.source, batch.operation
        ) as kind
    ) as kinds
from batch_summary
cross join reaction
where batch_summary.changes > 0
