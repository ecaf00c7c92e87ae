-- What there is already: null if there is no enrollment, or else whether one is active.
    standing as materialized (
        select
            wanted.profile_id,
            wanted.course_id,
            (
                select bool_or(({{is_active:enrollment}}) is true)
                from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = wanted.profile_id
                    and {{enrollment_course:enrollment}} = wanted.course_id
            ) as active,
            -- Made by the listener, not taken back, and not there: somebody removed it.
            made.profile_id is not null and made.taken_back_at is null as left_by_hand,
            made.taken_back_at is not null as taken_back,
            -- That very row, as it was left when it was taken back.
            made.taken_back_at is not null and coalesce(
                (
                    select true
                    from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = wanted.profile_id
                        and {{enrollment_course:enrollment}} = wanted.course_id
                        and {{row_key:enrollment}} is not distinct from made.row_key
                        and ({{enrollment_status:enrollment}})::text = {{inactive_value}}{{is_alone}}
                    limit 1
                ),
                false
            ) as suspended
        from wanted
        left join listener.made_enrollment as made
            on made.profile_id = wanted.profile_id and made.course_id = wanted.course_id
    ),

    -- Whoever has no enrollment; and whose enrollment was suspended.
    {{asking}} as materialized (
        select standing.profile_id as id, standing.course_id, standing.active is not null as is_there
        from standing
        where (standing.active is null and not standing.left_by_hand) or (standing.suspended and not standing.active)
    )
