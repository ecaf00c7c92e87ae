-- What only a look at every row can tell, where a query says who should be where.
with
{{astray}}

select
    (select count(*) from listener.students()) as students,
    (
        select count(distinct astray.profile_id)
        from astray
        where astray.should_be in ('enrolled', 'returned')
    ) as students_without_enrollment,
    (
        select count(*)
        from untold
        cross join sight
        where sight.is_clear and untold.should_be in ('enrolled', 'returned')
    ) as wanted_missing,
    (select count(distinct drifted.id) from listener.drifted_counts() as drifted) as courses_off
