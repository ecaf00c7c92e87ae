,

    missing as (
        select wanted.profile_id, wanted.course_id from wanted
        except
        select standing.profile_id, standing.course_id from standing
        except
        -- What the listener made and somebody removed.
        select made.profile_id, made.course_id from {{ledger}} as made where made.taken_back_at is null
    ),

    taken_back as (
        select made.profile_id, made.course_id from {{ledger}} as made where made.taken_back_at is not null
    ),

    to_return as (
        (
            select missing.profile_id, missing.course_id from missing
            union all
            select suspended.profile_id, suspended.course_id
            from (
                select wanted.profile_id, wanted.course_id from wanted
                intersect
                ({{suspended}})
            ) as suspended
        )
        intersect
        select taken_back.profile_id, taken_back.course_id from taken_back
    ),

    to_leave as (
        select made.profile_id, made.course_id from {{ledger}} as made where made.taken_back_at is null
        intersect
        select standing.profile_id, standing.course_id from standing where standing.active
        except
        select wanted.profile_id, wanted.course_id from wanted
    )

    select to_enroll.profile_id, to_enroll.course_id, 'enrolled'
    from (
        select missing.profile_id, missing.course_id from missing
        except
        select taken_back.profile_id, taken_back.course_id from taken_back
    ) as to_enroll
    union all
    select to_return.profile_id, to_return.course_id, 'returned'
    from to_return
    union all
    select to_leave.profile_id, to_leave.course_id, {{left_word}}
    from to_leave
