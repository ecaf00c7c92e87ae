-- What only a look at every row can tell.
select
    (select count(*) from listener.student) as students,
    (
        select count(*)
        from listener.student
        where not exists (select from listener.enrollment where enrollment.profile_id = student.id)
    ) as students_without_enrollment,
    (select count(distinct course_drift.id) from listener.course_drift) as courses_off
