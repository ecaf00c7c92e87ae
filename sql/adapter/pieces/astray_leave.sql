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
        select made.profile_id, made.course_id, made.row_key from {{ledger}} as made where made.taken_back_at is not null
    ),

    suspended as (
        select taken_back.profile_id, taken_back.course_id, taken_back.row_key from taken_back
        intersect
        select standing.profile_id, standing.course_id, standing.row_key
        from standing
        where standing.suspended and standing.is_single
    ),

    to_return as (
        select missing.profile_id, missing.course_id from missing
        intersect
        select taken_back.profile_id, taken_back.course_id from taken_back
        union
        (
            select suspended.profile_id, suspended.course_id from suspended
            intersect
            select wanted.profile_id, wanted.course_id from wanted
            except
            -- Enrolled by hand meanwhile, beside what was suspended.
            select standing.profile_id, standing.course_id from standing where standing.active
        )
    ),

    active as (
        select made.profile_id, made.course_id, made.row_key from {{ledger}} as made where made.taken_back_at is null
        intersect
        select standing.profile_id, standing.course_id, standing.row_key
        from standing
        where standing.active and standing.is_single
    ),

    to_leave as (
        select active.profile_id, active.course_id from active
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
