-- Parts of `listener.settle` where enrollments are taken back: who comes back, who leaves, and whom the brake holds.

-- name: is_alone
-- Nothing tells rows of the same pair apart: of several, none is known to be ours.
and (
    select count(*)
    from {{enrollment_table}} as same
    where
        {{enrollment_profile:same}} = {{enrollment_profile:enrollment}}
        and {{enrollment_course:same}} = {{enrollment_course:enrollment}}
) = 1

-- name: is_that_row
-- The very row that the listener made.
{{enrollment_profile:enrollment}} = {row}.profile_id
and {{enrollment_course:enrollment}} = {row}.course_id
and {{row_key:enrollment}} is not distinct from {row}.row_key
{{is_alone}}

-- name: standing
-- Present enrollments: null if there is none, or else whether any is active.
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
        -- Made by the listener, not taken back, and not there: removed by a person.
        made.profile_id is not null and made.taken_back_at is null as left_by_hand,
        made.taken_back_at is not null as taken_back,
        -- That very row, unchanged since taking back.
        made.taken_back_at is not null and coalesce(
            (
                select true
                from {{enrollment_table}} as enrollment
                where
                    {{is_that_row:made}}
                    and ({{enrollment_status:enrollment}})::text = {{inactive_value}}
                limit 1
            ),
            false
        ) as suspended
    from wanted
    left join listener.made_enrollment as made
        on made.profile_id = wanted.profile_id and made.course_id = wanted.course_id
),

-- Profiles without an enrollment, or with a suspended enrollment.
{{asking}} as materialized (
    select standing.profile_id as id, standing.course_id, standing.active is not null as is_there
    from standing
    where (standing.active is null and not standing.left_by_hand) or (standing.suspended and not standing.active)
),

-- name: leaving
made_again as (
    insert into listener.made_enrollment (profile_id, course_id, row_key)
    select enrolled.profile_id, enrolled.course_id, enrolled.row_key
    from enrolled
    on conflict (profile_id, course_id) do update
    set row_key = excluded.row_key, made_at = excluded.made_at, taken_back_at = null
),

--: if suspends
returned as (
    update {{enrollment_table}} as enrollment
    set {{enrollment_status_name}} = {{active_value}}
    from to_enroll
    where
        to_enroll.is_there
        and {{enrollment_profile:enrollment}} = to_enroll.id
        and {{enrollment_course:enrollment}} = to_enroll.course_id
        and {{row_key:enrollment}} is not distinct from (
            select made.row_key
            from listener.made_enrollment as made
            where made.profile_id = to_enroll.id and made.course_id = to_enroll.course_id
        )
        and ({{enrollment_status:enrollment}})::text = {{inactive_value}}
        {{is_alone}}
    returning
        --: if keeps_history
        {{row_key:enrollment}} as row_key,
        ({{enrollment_status:enrollment}})::text as status,
        --: end
        to_enroll.id as profile_id,
        to_enroll.course_id
),

ours_again as (
    update listener.made_enrollment as made
    set taken_back_at = null
    from returned
    where made.profile_id = returned.profile_id and made.course_id = returned.course_id
),

--: else
-- (Students that come back after a removal are among the enrolled.)
--: end
ours as materialized (
    select
        made.profile_id,
        made.course_id,
        made.row_key,
        made.held_since is not null as is_held,
        made.released_at is not null as is_released
    from listener.made_enrollment as made
    where
        made.profile_id = any (profile_ids)
        and settle.checked_now is null
        and made.taken_back_at is null
        {{in_only_course:made}}
),

-- Only the very row that the listener made, and only while active: an enrollment that was completed or cancelled
-- meanwhile stays, and so does a person's enrollment in the same place.
unwanted as materialized (
    select ours.*
    from ours
    where
        (ours.profile_id, ours.course_id) not in (select wanted.profile_id, wanted.course_id from wanted)
        and (
            select true
            from {{enrollment_table}} as enrollment
            where
                {{is_that_row:ours}}
                and ({{is_active:enrollment}}) is true
            limit 1
        )
),

-- Asked once, and only if a student is to leave: no other call waits for the brake.
brake as materialized (
    select listener.may_take_back(asked.number, asked.held) as lets_go
    from (
        select count(*) as number, count(*) filter (where unwanted.is_held) as held
        from unwanted
        where not unwanted.is_released
    ) as asked
    where asked.number > 0
),

leaving as materialized (
    select unwanted.profile_id, unwanted.course_id, unwanted.row_key
    from unwanted
    where unwanted.is_released or (select brake.lets_go from brake)
),

left_course as (
    --: if suspends
    update {{enrollment_table}} as enrollment
    set {{enrollment_status_name}} = {{inactive_value}}
    from leaving
    --: else
    delete from {{enrollment_table}} as enrollment
    using leaving
    --: end
    where
        {{is_that_row:leaving}}
        and ({{is_active:enrollment}}) is true
    returning
        --: if keeps_history
        leaving.row_key,
        --: if suspends
        ({{enrollment_status:enrollment}})::text as status,
        --: else
        null::text as status,
        to_jsonb(enrollment) as was,
        --: end
        --: end
        leaving.profile_id,
        leaving.course_id
),

taken_back as (
    update listener.made_enrollment as made
    set taken_back_at = clock_timestamp(), held_since = null, released_at = null
    from left_course
    where made.profile_id = left_course.profile_id and made.course_id = left_course.course_id
),

held as (
    update listener.made_enrollment as made
    set held_since = clock_timestamp()
    from unwanted
    where
        made.profile_id = unwanted.profile_id
        and made.course_id = unwanted.course_id
        and not (unwanted.is_held or unwanted.is_released or (select brake.lets_go from brake))
    returning made.profile_id, made.course_id
),

-- Wanted again, or no longer ours to take back.
held_no_more as (
    update listener.made_enrollment as made
    set held_since = null, released_at = null
    from ours
    where
        made.profile_id = ours.profile_id
        and made.course_id = ours.course_id
        and (ours.is_held or ours.is_released)
        and (ours.profile_id, ours.course_id) not in (select unwanted.profile_id, unwanted.course_id from unwanted)
),
