astray as materialized (
    select
        astray.profile_id,
        astray.course_id,
        astray.should_be
    from listener.astray() as astray
),

unhandled as materialized (
    select
        unhandled.profile_ids,
        unhandled.route
    from listener.unhandled('enroll') as unhandled
),

noted as (
    select noted_profile.id
    from unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

-- Nothing is known of these: they are in no note that waits, and were not set aside.
untold as materialized (
    select
        astray.profile_id,
        astray.course_id,
        astray.should_be
    from astray
    where
        not exists (select from noted where noted.id = astray.profile_id)
        and not exists (
            select from listener.pending_enrollment
            where pending_enrollment.profile_id = astray.profile_id
        )
),

-- Who may yet be noted, or is by a note of a row that is about no single profile, is not missed.
sight as (
    select
        not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from listener.blind_note)
        and listener.is_bound() as is_clear
)
