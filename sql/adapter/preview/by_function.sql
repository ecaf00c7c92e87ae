select astray.profile_id, astray.course_id, astray.should_be
    from listener.astray() as astray
