select
        candidate.id as profile_id,
        attempt.enrolled,
        attempt.error
    from candidate
    cross join open_course
    cross join lateral listener.try_enroll(
        candidate.id, open_course.id, statement_timestamp() + interval '1 second'
    ) as attempt
