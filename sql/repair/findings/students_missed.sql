-- Students who will not be enrolled without help: they have no enrollment, no note about them waits to be handled, and
-- they are not among those who were set aside.
with noted as (
    select noted_profile.id
    from listener.unhandled('enroll') as unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

found as (
    select student.id::text as example
    from listener.missing_students() as student(id)
    where
        not exists (select from noted where noted.id = student.id)
        and not exists (
            select from listener.pending_enrollment
            where pending_enrollment.profile_id = student.id
        )
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
