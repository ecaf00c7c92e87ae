pending_enrollment.profile_id = astray.profile_id
            and (
                pending_enrollment.course_id is not distinct from astray.course_id
                or (pending_enrollment.course_id is null and (pending_enrollment.reason <> 'no_course' or not {{by_school}}))
            )
