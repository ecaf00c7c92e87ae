-- Two who enroll the same student at the same moment are rare. So nobody pays for "on conflict", which looks twice
    -- and writes twice for each row, until it has happened.
    begin
        return query
        with enrolled as (
            insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
            select student.id, enroll.default_course_id{{enrollment_values:profile}}
            from pg_catalog.unnest(enroll.student_ids) as student(id){{enrolling_join}}
            where (
                select true
                from {{enrollment_table}} as enrollment
                where {{enrollment_profile:enrollment}} = student.id
                limit 1
            ) is null
            returning {{enrollment_profile:new_enrollment}} as profile_id
        ),
        all_enrolled as materialized (
            select pg_catalog.array_agg(enrolled.profile_id) as ids
            from enrolled
        )
        select pg_catalog.unnest(all_enrolled.ids)::{{profile_key_type}}
        from all_enrolled;
    exception when unique_violation then
        return query
        insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, enroll.default_course_id{{enrollment_values:profile}}
        from pg_catalog.unnest(enroll.student_ids) as student(id){{enrolling_join}}
        where (
            select true
            from {{enrollment_table}} as enrollment
            where {{enrollment_profile:enrollment}} = student.id
            limit 1
        ) is null
        on conflict do nothing
        returning {{enrollment_profile:new_enrollment}}::{{profile_key_type}};
    end;
