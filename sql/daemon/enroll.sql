-- Enrolling: of the profiles noted, those who are students now and have no enrollment.
{{feed}},

noted_profile as (
    select distinct profile_id
    from batch
    cross join lateral unnest(batch.profile_ids) as profile_id
),

-- `offset 0`: each is looked up by key. A join may be planned while the table is empty, and then read all of it.
student_to_enroll as materialized (
    select student.id
    from noted_profile
    inner join listener.student on student.id = noted_profile.profile_id
    where not exists (select from listener.enrollment where enrollment.profile_id = student.id offset 0)
),

-- The course's row is locked as its foreign key would lock it, but without waiting for whoever holds it.
open_course as materialized (
    select course.id
    from listener.course
    where
        course.id = (select default_course.id from listener.default_course)
        and exists (select from student_to_enroll)
    for key share skip locked
),

outcome as (
    {{outcome}}
),

set_aside as (
    insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)
    select
        outcome.profile_id,
        'failed',
        outcome.error,
        clock_timestamp() + interval '1 second'
    from outcome
    where outcome.error is not null
    union all
    select
        student_to_enroll.id,
        case when exists (select from listener.default_course) then 'course_locked' else 'no_course' end,
        null,
        case
            when exists (select from listener.default_course) then clock_timestamp() + interval '1 second'
            else 'infinity'
        end
    from student_to_enroll
    where not exists (select from open_course)
    on conflict (profile_id) do nothing
    returning profile_id::text, reason, error
)

select
    batch_summary.*,
    (select count(*) from outcome where outcome.enrolled) as enrolled,
    (select max(open_course.id::text) from open_course) as course_id,
    array(select outcome.profile_id::text from outcome where outcome.enrolled limit $3) as enrolled_ids,
    (select count(*) from set_aside) as pending,
    (select json_agg(shown) from (select * from set_aside limit $3) as shown) as pending_students,
    exists (select from batch where batch.source = 'courses') as courses_changed
from batch_summary
where batch_summary.changes > 0
