-- Only looks who would be.
    return query
    select student.id
    from pg_catalog.unnest(enroll.student_ids) as student(id)
    where not exists (
        select from {{enrollment_table}} as enrollment
        where {{enrollment_profile:enrollment}} = student.id
        offset 0
    );
