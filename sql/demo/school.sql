-- The demo's statements on the sample LMS (lms.sql).

-- name: sign_up
-- A student signs up. Every third takes the gold plan, too, and every other of these gives it up when three more are
-- there.
with signed_up as (
    insert into profiles (email, role, full_name)
    values ('student' || $1::integer || '@example.com', 'student', 'Student ' || $1::integer)
    returning id
),

subscribed as (
    insert into subscriptions (profile_id, plan)
    select signed_up.id, 'gold'
    from signed_up
    where $1::integer % 3 = 0
)

delete from subscriptions
using profiles
where
    $1::integer % 6 = 0
    and profiles.id = subscriptions.profile_id
    and profiles.email = 'student' || ($1::integer - 3) || '@example.com';

-- name: wanted
select profiles.id, courses.id
from profiles
left join subscriptions on subscriptions.profile_id = profiles.id
inner join courses on courses.plan in ('free', subscriptions.plan)
where profiles.role = 'student';

-- name: state
-- The sample LMS at a glance.
with wanted (profile_id, course_id) as (
    {{wanted}}
),

active as (
    select
        enrollments.user_id as profile_id,
        enrollments.course_id
    from enrollments
    where enrollments.status = 'active'
)

select
    (select count(*) from profiles) as profiles,
    (select count(*) from profiles where profiles.role = 'student') as students,
    (select count(*) from subscriptions) as gold_plans,
    (select count(*) from (select * from wanted except select * from active) as missing) as enrollments_missing,
    (select count(*) from (select * from active except select * from wanted) as unwanted) as enrollments_not_wanted,
    (select count(*) from active) as active_enrollments,
    (select count(*) from enrollments where enrollments.status = 'suspended') as suspended_enrollments,
    (select sum(courses.enrollments) from courses)::bigint as count_on_the_courses;
