-- The questions of `listener explain` about a profile: $1 is the key, as text.

-- name: binding
-- Whether a bound name has another name or number now, and can be followed. Until then the functions fail, and nothing
-- is broken.
select
    bool_and(bound.problem is null)
    and bool_or(
        (bound.table_oid, bound.schema_name, bound.table_name, bound.name, bound.attnum)
        is distinct from (
            binding.table_oid,
            binding.schema_name,
            binding.table_name,
            binding.name,
            case when not binding.lost then binding.attnum end
        )
    ) as is_to_follow
from listener.bound_now() as bound
inner join listener.binding on binding.token = bound.token;

-- name: key
-- A profile's key in Postgres's form; fails if $1 is no value of the key's type.
select ($1::text)::{{profile_key_type}}::text as key;

-- name: presence
select listener.profile_is_there(($1::text)::{{profile_key_type}});

-- name: enrollments
select
    enrollment.course_id as course,
    enrollment.status,
    enrollment.active,
    enrollment.since
from listener.enrollments_of(($1::text)::{{profile_key_type}}) as enrollment;

-- name: student
select exists (
    select from listener.students(array[($1::text)::{{profile_key_type}}])
);

-- name: course
select listener.default_course_id()::text;

-- name: wanted
select wanted.course_id::text as course
from listener.wanted(array[($1::text)::{{profile_key_type}}]) as wanted
order by 1;

-- name: made
-- Enrollments that the listener made for the profile, as far as a ledger is kept.
select
    made.course_id::text as course,
    made.made_at,
    made.taken_back_at,
    made.held_since
from listener.made_enrollment as made
where made.profile_id = ($1::text)::{{profile_key_type}}
order by 1;

-- name: pending
-- What was set aside; what was refused comes first.
select
    pending_enrollment.course_id::text as course,
    pending_enrollment.reason,
    pending_enrollment.error,
    pending_enrollment.attempts,
    pending_enrollment.since,
    nullif(pending_enrollment.next_attempt_at, 'infinity') as next_attempt_at
from listener.pending_enrollment
where pending_enrollment.profile_id = ($1::text)::{{profile_key_type}}
order by
    array_position(array['failed', 'held', 'course_locked', 'full', 'no_course'], pending_enrollment.reason),
    pending_enrollment.course_id;

-- name: waiting
-- What the listener's own tables say of one profile ($1, its key). Of the feed only what waits is read, never its history.
with noted as (
    select
        count(*) as notes,
        min(unhandled.at) as oldest_at
    from listener.unhandled('enroll') as unhandled
    where ($1::text)::{{profile_key_type}} = any (unhandled.profile_ids)
),

-- Of rows that are about no single profile, and may lead to the profile.
routed as (
    select
        count(*) as notes,
        min(unhandled.at) as oldest_at
    from listener.unhandled('enroll') as unhandled
    where unhandled.route is not null
),

noted_blindly as (
    select
        count(*) as notes,
        min(blind_note.at) as oldest_at
    from listener.blind_note
    where blind_note.source = 'profiles'
)

select
    noted.notes,
    noted.oldest_at,
    routed.notes as routed_notes,
    routed.oldest_at as oldest_routed_at,
    noted_blindly.notes as blind_notes,
    noted_blindly.oldest_at as oldest_blind_at,
    exists (select from listener.pause where pause.consumer = 'enroll') as enrolling_paused
from noted
cross join routed
cross join noted_blindly;

-- name: hidden
-- Whether row-level security hides rows of the table from the role that asks: then no row seen is not no row there.
select row_security_active(($1::text)::regclass::oid);

-- name: rule
-- Values of the columns that the rule for students reads, for a profile, with the rights of the role that asks. (A
-- table of roles may have several rows for the profile, or none.)
select to_jsonb(seen) as columns
from (
    select {{rule_columns}}
    from {{student_table}} as student
    where {{student_key:student}} = ($1::text)::{{profile_key_type}}
    limit 20
) as seen;
