
        union all
        select has_to_wait.id, has_to_wait.course_id, null, 'full', null
        from has_to_wait
