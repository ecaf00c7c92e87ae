-- Students without any enrollment, and where they land.
select
        student.id::{{profile_key_type}},
        (
            {{default_course_view}}
        )::{{course_key_type}},
        'enrolled'
    from (
        {{student_view}}
    ) as student(id)
    where
        not exists (
            select
            from {{enrollment_table}} as enrollment
            where {{enrollment_profile:enrollment}} = student.id
        )
