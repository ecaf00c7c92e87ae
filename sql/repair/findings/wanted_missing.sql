-- Who should be where and will not be without help: not there, in no note that waits to be handled, and not set aside. (A
-- note of a row that is about no single profile may be about any of them.)
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
    select format('%s in %s', wanted_missing.profile_id, wanted_missing.course_id) as example
    from listener.wanted_missing
    where
        not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from noted where noted.id = wanted_missing.profile_id)
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
