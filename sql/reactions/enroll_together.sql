select
        enrolled.profile_id,
        true as enrolled,
        null::text as error
    from open_course
    cross join lateral listener.enroll(
        array(select candidate.id from candidate order by candidate.id), open_course.id
    ) as enrolled(profile_id)
