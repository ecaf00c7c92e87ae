-- The sample LMS at a glance.
select
    (select count(*) from profiles) as profiles,
    (select count(*) from profiles where profiles.role = 'student') as students,
    (
        select count(*) from profiles
        where profiles.role = 'student'
            and not exists (select from enrollments where enrollments.user_id = profiles.id)
    ) as students_without_enrollment,
    (select count(*) from enrollments where enrollments.status = 'active') as active_enrollments,
    (select courses.enrollments from courses) as count_on_the_course;
