-- Only looks who would be.
    return query
    select student.id
    from pg_catalog.unnest(enroll.student_ids) as student(id)
    where not exists (select from listener.enrollment where enrollment.profile_id = student.id offset 0);
