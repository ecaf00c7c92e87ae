-- `offset 0`: each is looked up by key. A join may be planned while the table is empty, and then read all of it.
    return query
    insert into listener.enrollment (profile_id, course_id{{extra_names}})
    select student.id, enroll.default_course_id{{extra_values:profile}}
    from pg_catalog.unnest(enroll.student_ids) as student(id){{enrolling_join}}
    where not exists (select from listener.enrollment where enrollment.profile_id = student.id offset 0)
    on conflict do nothing
    returning profile_id;
