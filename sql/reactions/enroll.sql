-- Enrolling: the enrollments of the profiles noted are made what they should be
-- (listener.settle), and who has to wait is set aside.
{{feed}},

-- Rows that are about no single profile lead to some. Those are noted in their turn, and handled with the next batch.
routed as (
    insert into listener.change (source, operation, profile_ids)
    select led.source, led.operation, array_agg(led.profile_id)
    from (
        select
            note.source,
            note.operation,
            profile.id as profile_id,
            (row_number() over (partition by note.source, note.operation) - 1) / 100 as part
        from (
            select batch.source, batch.operation, batch.route, array_agg(key.value) as keys
            from batch
            cross join lateral unnest(batch.keys) as key(value)
            where batch.route is not null
            group by batch.source, batch.operation, batch.route
        ) as note
        cross join lateral listener.routed(note.route, note.keys) as profile(id)
    ) as led
    group by led.source, led.operation, led.part
    returning id
),

reaction as materialized (
    select settled.*
    from listener.settle_noted(array(select unnest(batch.profile_ids) from batch), {{outcome}}, $3) as settled
)

select
    batch_summary.changes,
    -- Seats that were left are among the notes that this batch made.
    batch_summary.notes_left
    or exists (select from routed)
    or coalesce(reaction.suspended + reaction.removed > 0, false) as notes_left,
    batch_summary.seq,
    reaction.enrolled,
    reaction.returned,
    reaction.suspended,
    reaction.removed,
    reaction.examples,
    reaction.pending,
    reaction.pending_students,
    exists (select from batch where batch.source = 'courses') as courses_changed,
    -- Somebody left, or a course has more seats: whoever is the next in line moves up.
    case
        when exists (select from batch where batch.delta < 0 or batch.source = 'courses') then listener.wake_waiting()
        else 0
    end as woken,
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
