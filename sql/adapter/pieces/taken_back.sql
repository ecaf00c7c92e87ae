,

    made_again as (
        insert into listener.made_enrollment (profile_id, course_id, row_key)
        select enrolled.profile_id, enrolled.course_id, enrolled.row_key
        from enrolled
        on conflict (profile_id, course_id) do update
        set row_key = excluded.row_key, made_at = excluded.made_at, taken_back_at = null
    ),

    {{returned}},

    ours_again as (
        update listener.made_enrollment as made
        set taken_back_at = null
        from returned
        where made.profile_id = returned.profile_id and made.course_id = returned.course_id
    ),

    -- Only what the listener made, that very row, and only while it is active: what was completed or cancelled meanwhile
    -- stays as it is, and so does what somebody has made in its place.
    unwanted as materialized (
        select made.profile_id, made.course_id, made.row_key
        from listener.made_enrollment as made
        where
            made.profile_id = any (profile_ids)
            and made.taken_back_at is null
            and (made.profile_id, made.course_id) not in (select wanted.profile_id, wanted.course_id from wanted)
    ),

    left_course as (
        {{leave}}
    ),

    taken_back as (
        update listener.made_enrollment as made
        set taken_back_at = clock_timestamp()
        from left_course
        where made.profile_id = left_course.profile_id and made.course_id = left_course.course_id
    )
