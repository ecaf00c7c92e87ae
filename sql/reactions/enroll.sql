-- Enrolling: of the profiles noted, those who are students now; `enroll` passes over those who have an enrollment.
{{feed}},

-- In key order, and as one array: the index is read from left to right, not searched anew for each of them.
candidate as materialized (
    select student.id
    from listener.students(
        array(
            select distinct noted.profile_id
            from (select unnest(batch.profile_ids) as profile_id from batch) as noted
            order by noted.profile_id
        )
    ) as student(id)
),

destination as materialized (
    select course.id
    from listener.default_course_id() as course(id)
    where course.id is not null
),

-- The course's row is locked as its foreign key would lock it, but without waiting for whoever holds it.
open_course as materialized (
    select course.id
    from listener.hold_course(
        (select destination.id from destination where exists (select from candidate))
    ) as course(id)
    where course.id is not null
),

student_without_course as (
    select student.id
    from listener.unenrolled(
        array(select candidate.id from candidate where not exists (select from open_course))
    ) as student(id)
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
        student_without_course.id,
        case when exists (select from destination) then 'course_locked' else 'no_course' end,
        null,
        case
            when exists (select from destination) then clock_timestamp() + interval '1 second'
            else 'infinity'
        end
    from student_without_course
    on conflict (profile_id) do nothing
    returning profile_id::text, reason, error
),

reaction as materialized (
    select
        count(*) filter (where outcome.enrolled) as enrolled,
        clock_timestamp() as at
    from outcome
)

select
    batch_summary.*,
    reaction.enrolled,
    (select max(open_course.id::text) from open_course) as course_id,
    array(select outcome.profile_id::text from outcome where outcome.enrolled limit $3) as enrolled_ids,
    (select count(*) from set_aside) as pending,
    (select json_agg(shown) from (select * from set_aside limit $3) as shown) as pending_students,
    exists (select from batch where batch.source = 'courses') as courses_changed,
    (select extract(epoch from reaction.at - min(batch.at))::float8 from batch) as waited,
    -- Of each note about profiles: the seconds that it has waited, and how many profiles it names.
    array(
        select extract(epoch from reaction.at - batch.at)::float8
        from batch
        where batch.profile_ids is not null
    ) as ages,
    array(
        select cardinality(batch.profile_ids)
        from batch
        where batch.profile_ids is not null
    ) as profiles,
    (
        select json_agg(kind)
        from (
            select batch.source, batch.operation, sum(batch.weight) as changes
            from batch
            group by batch.source, batch.operation
        ) as kind
    ) as kinds
from batch_summary
cross join reaction
where batch_summary.changes > 0
