pending_enrollment.profile_id = astray.profile_id
            and (
                pending_enrollment.course_id is not distinct from astray.course_id
                --: if by_school
                or (pending_enrollment.course_id is null and pending_enrollment.reason <> 'no_course')
                --: else
                or pending_enrollment.course_id is null
                --: end
            )
