select
        student.id,
        (select listener.default_course_id() limit 1),
        'enrolled'
    from listener.missing_students() as student(id)
