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
    (select sum(courses.enrollments) from courses)::bigint as count_on_the_courses
