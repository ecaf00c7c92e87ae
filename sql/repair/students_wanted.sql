-- The audit where a query says who should be where: whom it names, whom of these it finds elsewhere, and who was missed. If
-- there are changes that no trigger sees ($1), then whoever is astray, and not known to be, is noted like anybody who
-- changes; missed is who was noted so by the last audit ($2) and is astray all the same. One statement, one snapshot.
with
{{astray}},

to_note as (
    select
        untold.profile_id,
        (row_number() over () - 1) / 100 as note
    from (select distinct untold.profile_id from untold) as untold
    where $1::boolean
),

new_note as (
    insert into listener.change (source, operation, profile_ids)
    select 'profiles', 'insert', array_agg(to_note.profile_id)
    from to_note
    group by to_note.note
    returning cardinality(profile_ids) as profiles
),

missed as (
    select
        untold.profile_id,
        untold.should_be
    from untold
    cross join sight
    where sight.is_clear and (not $1::boolean or untold.profile_id::text = any ($2::text[]))
),

-- For the status page: courses in which most wait come first.
course as (
    select
        figures.course_id,
        figures.wanted,
        figures.enrolled,
        coalesce(missing.students, 0) as waiting
    from listener.wanted_figures() as figures
    left join (
        select astray.course_id, count(*) as students
        from astray
        where astray.should_be in ('enrolled', 'returned')
        group by astray.course_id
    ) as missing on missing.course_id = figures.course_id
)

select
    (select count(*) from listener.students()) as students,
    (
        select count(distinct astray.profile_id)
        from astray
        where astray.should_be in ('enrolled', 'returned')
    ) as without_enrollment,
    (select count(distinct missed.profile_id) from missed) as missed,
    (select count(*) from missed where missed.should_be in ('enrolled', 'returned')) as wanted_missing,
    (select coalesce(sum(new_note.profiles), 0)::bigint from new_note) as noted,
    array(select to_note.profile_id::text from to_note limit $3) as noted_ids,
    (select count(*) from course) as courses,
    (
        select coalesce(json_agg(shown), '[]')
        from (
            select
                course.course_id::text as course_id,
                course.wanted,
                course.enrolled,
                course.waiting
            from course
            order by course.waiting desc, course.wanted desc, course.course_id
            limit $4
        ) as shown
    ) as shown_courses
