-- What the listener made, is not wanted any more, and will stay without help: its profile is in no note that waits to be
-- handled, and not set aside, but for those who wait for a seat elsewhere. (A note of a row that is about
-- no single profile may be about any of them.)
with unhandled as materialized (
    select unhandled.profile_ids, unhandled.route
    from listener.unhandled('enroll') as unhandled
),

noted as (
    select noted_profile.id
    from unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

found as (
    select format('%s in %s', astray.profile_id, astray.course_id) as example
    from listener.astray() as astray
    where
        astray.should_be in ('suspended', 'removed')
        and not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from noted where noted.id = astray.profile_id)
        and not exists (
            select from listener.pending_enrollment
            where pending_enrollment.profile_id = astray.profile_id and pending_enrollment.reason <> 'full'
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
