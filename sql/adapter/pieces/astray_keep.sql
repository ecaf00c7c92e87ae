

    select missing.profile_id, missing.course_id, 'enrolled'
    from (
        select wanted.profile_id, wanted.course_id from wanted
        except
        select standing.profile_id, standing.course_id from standing
    ) as missing
