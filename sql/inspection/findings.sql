-- The findings of `listener diagnose`: a section for each, named like the code, with the number of affected rows and a
-- few examples.

-- name: students_pending
-- Not who waits for a seat: a course that is full is no fault. Nor who is held: that is told apart.
with found as (
    select profile_id, format('%s: %s', profile_id, coalesce(error, reason)) as example
    from listener.pending_enrollment
    where reason not in ('full', 'held')
)

select
    (select count(distinct profile_id) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: wanted_missing
-- Wanted enrollments that will not be there without help: not there, in no unhandled note, and not set aside. (A note
-- of a row that is about no single profile may be about any profile.)
with found as (
    select {{example_of_missing}} as example
    from listener.missed() as missing
    where
        missing.is_untold
        and missing.should_be in ('enrolled', 'returned')
        and not exists (select from listener.unhandled('enroll') as unhandled where unhandled.route is not null)
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: rule_fails
-- Profiles with a failing rule, and the error.
with failed as (
    select astray.profile_id
    from listener.astray() as astray
    where astray.should_be = 'failed'
)

select
    (select count(*) from failed) as affected,
    array(
        select left(format('%s: %s', attempt.profile_id, attempt.error), 1000)
        from listener.wanted_past_errors(
            array(select failed.profile_id from failed order by failed.profile_id limit 5)
        ) as attempt
        where attempt.error is not null
        order by attempt.profile_id
    ) as examples;

-- name: unwanted_enrollments
-- What the listener made, is not wanted any more, and will stay without help: its profile is in no note that waits to be
-- handled, and it is not set aside. (A note of a row that is about no single profile may be about any of them.)
with unhandled as materialized (
    select unhandled.profile_ids, unhandled.route
    from listener.unhandled('enroll') as unhandled
),

noted as (
    select noted_profile.id
    from unhandled
    cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
),

found as (
    select format('%s in %s', astray.profile_id, astray.course_id) as example
    from listener.astray() as astray
    where
        astray.should_be in ('suspended', 'removed')
        and not exists (select from unhandled where unhandled.route is not null)
        and not exists (select from noted where noted.id = astray.profile_id)
        and not exists (
            select from listener.pending_enrollment
            where
            {{is_set_aside}}
        )
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: counts_drifted
-- Counts that are off even when all that the feed still holds is added: the difference stays until repaired.
with found as (
    select format(
        '%s: %s says %s, should be %s',
        course_drift.id, course_drift.count_column, coalesce(course_drift.current::text, 'nothing'), course_drift.expected
    ) as example
    from listener.course_drift
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: paused
select
    count(*) as affected,
    array_agg(
        format(
            '%s, since %s by %s%s',
            pause.consumer,
            to_char(pause.since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
            pause.paused_by,
            ': ' || left(pause.reason, 1000)
        )
        order by pause.since, pause.consumer
    ) as examples
from listener.pause;

-- name: feed_lag
-- Notes of a paused consumer do not wait for a daemon. (All findings are of a single snapshot, taken when the
-- transaction began: notes that were handled during the look still look unhandled.)
with found as (
    select min(unhandled.at) as at
    from unnest(array['enroll', 'count']) as consumer(name)
    cross join lateral (select at from listener.unhandled(consumer.name, 1)) as unhandled
    where not exists (select from listener.pause where pause.consumer = consumer.name)
)

select
    count(*) filter (where found.at < now() - interval '10 seconds') as affected,
    array_agg(
        format('the oldest change waits since %s', to_char(found.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
    ) as examples
from found;

-- name: locks_squatted
select
    count(*) as affected,
    coalesce(
        array_agg(
            format(
                '%s of role %s %s: %s',
                case when squatter.prepared is null then 'session ' || squatter.pid else 'a prepared transaction' end,
                squatter.role,
                case squatter.lock when 'leader' then 'holds the leader''s lock' else 'holds the bell' end,
                squatter.mend
            )
        ) filter (where squatter.number <= 5),
        '{}'
    ) as examples
from (
    select found.*, row_number() over () as number
    from listener.squatter as found
) as squatter;

-- name: keys_too_long
-- Keys that no index takes in the stored form: compressed, where that helps.
with found as (
    select {{profile_key:profile}}::text as key
    from {{profile_table}} as profile
    where pg_column_size({{profile_key:profile}}) > {{longest_key}}
    union
    select {{course_key:course}}::text
    from {{course_table}} as course
    where pg_column_size({{course_key:course}}) > {{longest_key}}
    union
    select {{enrollment_profile:enrollment}}::text
    from {{enrollment_table}} as enrollment
    where pg_column_size({{enrollment_profile:enrollment}}) > {{longest_key}}
    union
    select {{enrollment_course:enrollment}}::text
    from {{enrollment_table}} as enrollment
    where pg_column_size({{enrollment_course:enrollment}}) > {{longest_key}}
)

select
    (select count(*) from found) as affected,
    array(select left(found.key, 40) || '...' from found order by found.key limit 5) as examples;

-- name: wanted_not_enrolled
-- Wanted enrollments that are not there, before anything is installed: no note can be unhandled, and no student is set
-- aside.
with missing (profile_id, course_id, should_be) as materialized (
    {{astray}}
),

found as (
    select {{example_of_missing}} as example
    from missing
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: counts_off
-- Counts compared with the enrollments that are there: before anything is installed, no note can be unhandled.
with active_per_course as (
    select
        {{enrollment_course:enrollment}} as course_id,
        count(*) as active
    from {{enrollment_table}} as enrollment
    where ({{is_counted:enrollment}}) is true
    group by {{enrollment_course:enrollment}}
),

found as (
    select format(
        '%s: %s says %s, should be %s',
        {{course_key:course}}, count_column.name, coalesce(count_column.value::text, 'nothing'),
        coalesce(active_per_course.active, 0)
    ) as example
    from {{course_table}} as course
    left join active_per_course on active_per_course.course_id = {{course_key:course}}
    cross join lateral (
        values
            {{count_column_values}}
    ) as count_column (name, value)
    where coalesce(count_column.value, 0) <> coalesce(active_per_course.active, 0)
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: students_refused
-- Students that cannot be enrolled, for the enrollments' foreign key refers to another table without the student.
with found as (
    select {{profile_key:profile}}::text as example
    from {{profile_table}} as profile
    where
        {{student_condition}}
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{profile_key:profile}}
        )
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: orphans
-- Enrollments without the profile, or without the course.
with found as (
    select {{reference:enrollment}}::text as example
    from {{enrollment_table}} as enrollment
    where
        {{reference:enrollment}} is not null
        and not exists (
            select
            from {{referred_table}} as referred
            where {{referred_key:referred}} = {{reference:enrollment}}
        )
)

select
    (select count(*) from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;

-- name: duplicate_enrollments
with found as (
    select
        {{enrollment_profile:enrollment}}::text || ' in ' || {{enrollment_course:enrollment}}::text as example,
        count(*) - 1 as surplus
    from {{enrollment_table}} as enrollment
    where {{enrollment_profile:enrollment}} is not null and {{enrollment_course:enrollment}} is not null
    group by {{enrollment_profile:enrollment}}, {{enrollment_course:enrollment}}
    having count(*) > 1
)

select
    (select coalesce(sum(surplus), 0)::bigint from found) as affected,
    array(select left(example, 1000) from found order by example limit 5) as examples;
