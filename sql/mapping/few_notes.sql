-- What few notes say: the small statements of `listener.enroll` and `listener.count`, for notes in their turn, and for fresh ones.

-- name: enroll
with note as materialized (
        select *
        from (
            {{notes}}
        ) as next_note
    )

    select
        listener.seen(pg_current_snapshot()),
        array(
            select {{noted_by_cause}}
            from (select unnest(note.profile_ids) as id, ({{cause_of_note}}) collate "C" as cause from note) as led
            group by led.cause <> 'sign_up', led.cause
            order by led.cause <> 'sign_up', led.cause
        ),
        array(
            select noted_profile.at
            from (select date_part('epoch', note.at) as at, unnest(note.profile_ids) from note) as noted_profile
        ),
        summary.*{{further}}
    from (
        select
            count(*),
            min(note.checkpoint_seq),
            {{is_for_larger}},
            bool_or(note.delta < 0 or note.source = 'courses'),
            bool_or(note.source = 'courses'),
            min(note.at),
            json_agg(
                json_build_object('source', note.source, 'operation', note.operation, 'changes', note.weight)
            )
        from note
    ) as summary

-- name: count
with note as materialized (
        select
            next_note.xid,
            next_note.course_id,
            next_note.delta,
            next_note.weight,
            next_note.partial_xid,
            next_note.first_ahead,
            next_note.checkpoint_seq
        from (
            {{notes}}
        ) as next_note
    ),

    delta_per_course as materialized (
        select note.course_id, sum(note.delta)::bigint as delta
        from note
        where note.course_id is not null
        group by note.course_id
        having sum(note.delta) <> 0
        order by note.course_id
    )

    select
        listener.seen(pg_current_snapshot()),
        summary.*,
        array(select delta_per_course.course_id from delta_per_course),
        array(select delta_per_course.delta from delta_per_course){{further}}
    from (
        select
            count(*),
            min(note.checkpoint_seq),
            {{is_for_larger}}
        from note
    ) as summary
