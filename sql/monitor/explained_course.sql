select listener.default_course_id()::text
