-- Two who enroll the same student at the same moment are rare. So nobody pays for "on conflict", which looks twice
    -- and writes twice for each row, until it has happened.
    begin
        return query
        with enrolled as (
            insert into listener.enrollment (profile_id, course_id{{extra_names}})
            select student.id, enroll.default_course_id{{extra_values:profile}}
            from pg_catalog.unnest(enroll.student_ids) as student(id){{enrolling_join}}
            where (select true from listener.enrollment where enrollment.profile_id = student.id limit 1) is null
            returning profile_id
        ),
        all_enrolled as materialized (
            select pg_catalog.array_agg(enrolled.profile_id) as ids
            from enrolled
        )
        select pg_catalog.unnest(all_enrolled.ids)
        from all_enrolled;
    exception when unique_violation then
        return query
        insert into listener.enrollment (profile_id, course_id{{extra_names}})
        select student.id, enroll.default_course_id{{extra_values:profile}}
        from pg_catalog.unnest(enroll.student_ids) as student(id){{enrolling_join}}
        where (select true from listener.enrollment where enrollment.profile_id = student.id limit 1) is null
        on conflict do nothing
        returning profile_id;
    end;
