-- Students that were set aside: `listener pending`.

-- name: list
-- What was set aside, the longest first.
select
    pending_enrollment.profile_id::text,
    pending_enrollment.course_id::text,
    pending_enrollment.reason,
    pending_enrollment.error,
    pending_enrollment.attempts,
    pending_enrollment.since,
    nullif(pending_enrollment.next_attempt_at, 'infinity') as next_attempt_at
from listener.pending_enrollment
order by pending_enrollment.since, pending_enrollment.id
limit $1;

-- name: held
-- Enrollments that the brake holds, the longest first.
select
    made.profile_id::text,
    made.course_id::text,
    made.held_since
from listener.made_enrollment as made
where made.held_since is not null
order by made.held_since, made.profile_id, made.course_id
limit $1;

-- name: courses
-- Courses whose count could not be moved, the longest first.
select
    pending_count.course_id::text,
    case when pending_count.error is null then 'course_locked' else 'refused' end as reason,
    pending_count.error,
    pending_count.attempts,
    pending_count.since,
    pending_count.next_attempt_at
from listener.pending_count
order by pending_count.since, pending_count.course_id
limit $1;

-- name: total
-- How many of each, counted up to $1, like `listener status`.
select
    (select count(*) from (select from listener.pending_enrollment limit $1) as counted) as students,
    (select count(*) from (select from listener.pending_count limit $1) as counted) as courses,
    listener.count_held('leaving', $1) as held;

-- name: retry
-- Makes pending students due now, of the keys $1 or all, and has the leader look at once ($2: the channel, $3: the
-- word); and counts that were set aside, if no key is given. Not students who wait for a course: due as soon as there
-- is a course.
with hurried as (
    update listener.pending_enrollment
    set next_attempt_at = clock_timestamp()
    where
        pending_enrollment.next_attempt_at < 'infinity'
        and ($1::text[] is null or pending_enrollment.profile_id::text = any($1))
    returning pending_enrollment.profile_id
),

hurried_count as (
    update listener.pending_count
    set next_attempt_at = clock_timestamp()
    where $1::text[] is null
    returning pending_count.course_id
)

select
    (select count(distinct hurried.profile_id) from hurried) as students,
    (select count(*) from hurried_count) as counts
from pg_notify($2, $3);

-- name: drop
with dropped as (
    delete from listener.pending_enrollment
    where $1::text[] is null or pending_enrollment.profile_id::text = any($1)
    returning pending_enrollment.profile_id, pending_enrollment.course_id
),

-- Who is not to be enrolled keeps no place in line.
out_of_line as (
    delete from listener.waiting
    using dropped
    where waiting.profile_id = dropped.profile_id and waiting.course_id = dropped.course_id
)

select count(distinct dropped.profile_id) as students, 0 as counts
from dropped;
