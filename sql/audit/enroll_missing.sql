-- Enrolls the next students that have no enrollment, in key order after $1 (as text; null to begin).
with page as materialized (
    select student.id
    from listener.student_page(($1::text)::{{profile_key_type}}, $2) as student(id)
),

candidate as materialized (
    select student.id
    from listener.unenrolled(
        array(
            select page.id
            from page
            where not exists (
                select from listener.pending_enrollment
                where pending_enrollment.profile_id = page.id
                offset 0
            )
            order by page.id
        )
    ) as student(id)
),

open_course as materialized (
    select course.id
    from listener.default_course_id() as course(id)
    where course.id is not null
),

outcome as materialized (
    {{outcome}}
),

set_aside as (
    insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)
    select
        candidate.id,
        case when outcome.error is null then 'no_course' else 'failed' end,
        outcome.error,
        case when outcome.error is null then 'infinity' else clock_timestamp() + interval '1 second' end
    from candidate
    left join outcome on outcome.profile_id = candidate.id
    where outcome.profile_id is null or outcome.error is not null
    on conflict (profile_id) do nothing
    returning profile_id
)

select
    (select count(*) from page) as students,
    (select count(*) from outcome where outcome.enrolled) as enrolled,
    (select count(*) from set_aside) as pending,
    (select page.id::text from page order by page.id desc limit 1) as last_id
