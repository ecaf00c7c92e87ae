-- Students, and those without an enrollment, in one snapshot. Whoever is in no unhandled note and not pending either
-- was missed: written by somebody who skipped the triggers, or enrolled once and not any more.
with without_enrollment as materialized (
    select student.id
    from listener.student
    where not exists (select from listener.enrollment where enrollment.profile_id = student.id)
)

select
    (select count(*) from listener.student) as students,
    (select count(*) from without_enrollment) as without_enrollment,
    (
        select count(*)
        from without_enrollment
        where
            not exists (
                select from listener.pending_enrollment
                where pending_enrollment.profile_id = without_enrollment.id
            )
            and without_enrollment.id not in (
                select noted.id
                from listener.unhandled('enroll') as unhandled
                cross join lateral unnest(unhandled.profile_ids) as noted(id)
                where noted.id is not null
            )
    ) as missed
