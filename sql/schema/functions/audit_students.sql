-- The audit: counts the profiles that the rule names, the profiles astray, and the missed. With `notes`, newly astray
-- profiles are noted like any change; so are in any case profiles that a brake has no more reason to hold. Missed is
-- a profile that the last audit noted (`noted_before`) and that is astray all the same, and `unseen` are profiles that
-- no note can have told of. One statement, one snapshot.
create or replace function listener.audit_students(notes boolean, noted_before text[], most bigint, most_courses bigint)
returns table (
    students bigint,
    without_enrollment bigint,
    missed bigint,
    wanted_missing bigint,
    noted bigint,
    noted_ids text[],
    unseen bigint,
    courses bigint,
    shown_courses json
)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with astray as materialized (
    select missed.*
    from listener.missed()
),

to_note as materialized (
    select distinct astray.profile_id
    from astray
    where astray.is_untold and (notes or astray.should_be = 'kept')
    --: if brakes_joining
    union
    select held.profile_id
    from listener.pending_enrollment as held
    where
        held.reason = 'held'
        and not held.released
        and (held.profile_id, held.course_id) not in (
            select astray.profile_id, astray.course_id from astray where astray.course_id is not null
        )
    --: end
),

--: unless only_on_joining
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
),

--: end
missed as (
    select
        astray.profile_id,
        astray.should_be
    from astray
    where astray.is_missed and (not notes or astray.profile_id::text = any (noted_before))
)

select
    listener.count_students() as students,
    (
        select count(distinct astray.profile_id)
        from astray
        where astray.should_be in ('enrolled', 'returned')
    ) as without_enrollment,
    (select count(distinct missed.profile_id) from missed) as missed,
    (select count(*) from missed where missed.should_be in ('enrolled', 'returned')) as wanted_missing,
    listener.note_profiles(array(select to_note.profile_id from to_note), 'audit') as noted,
    array(select to_note.profile_id::text from to_note limit most) as noted_ids,
    (
        select count(distinct astray.profile_id)
        from astray
        where notes and astray.is_missed and not astray.profile_id::text = any (noted_before)
    ) as unseen,
    --: if only_on_joining
    -- The rule is about new students alone: no course has a number of wanted students.
    0::bigint as courses,
    '[]'::json as shown_courses
    --: else
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
            limit most_courses
        ) as shown
    ) as shown_courses
    --: end
$$;
