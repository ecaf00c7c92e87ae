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

-- What is told of the notes. (They are many, and read once.)
noted as materialized (
    select
        min(batch.at) as first_at,
        array_agg(batch.at) filter (where batch.profile_ids is not null) as at,
        array_agg(cardinality(batch.profile_ids)) filter (where batch.profile_ids is not null) as profiles,
        bool_or(batch.source = 'courses') as courses_changed,
        bool_or(batch.delta < 0) as somebody_left
    from batch
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
    noted.courses_changed,
    -- Somebody left, or a course has more seats: whoever is the next in line moves up.
    case when noted.somebody_left or noted.courses_changed then listener.wake_waiting() else 0 end as woken,
    date_part('epoch', reaction.at - noted.first_at) as waited,
    -- Of each note about profiles: the seconds that it has waited, and how many profiles it names.
    array(select date_part('epoch', reaction.at - note.at) from unnest(noted.at) as note(at)) as ages,
    coalesce(noted.profiles, '{}') as profiles,
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
cross join noted
where batch_summary.changes > 0
