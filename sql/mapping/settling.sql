-- Parts of `listener.settle`: students are enrolled, have a seat, come back or leave.

-- name: enroll_inserted
insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, student.course_id{{enrollment_values:profile}}
        from to_enroll as student{{enrolling_join}}
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        returning
            {{enrollment_profile:new_enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:new_enrollment}}::{{course_key_type}} as course_id,
            {{row_key:new_enrollment}} as row_key{{enrolled_status}}

-- name: enroll_observed
-- Only looks which students would be enrolled.
        select student.id as profile_id, student.course_id
        from to_enroll as student
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true

-- name: may_go
-- Whether a trigger of the LMS's runs after an enrollment was made, and may take the enrollment away again.
{{makes_enrollments}} and exists (
            select
            from pg_catalog.pg_trigger as after_row
            where
                after_row.tgrelid = {{enrollment_table_oid}}::oid
                and not after_row.tgisinternal
                and after_row.tgtype & 6 = 4
                and after_row.tgenabled <> 'D'
                and after_row.tgname not in ('listener_insert', 'listener_update')
        )

-- name: free_seats
-- Seats, less the active enrollments: the course's count, and moves on the way. Null where there is no limit.
        (({{course_seats:course}})::bigint - ({{course_count:course}})::bigint - coalesce(
            (
                select on_its_way.delta
                from on_its_way
                where on_its_way.course_id = {{course_key:course}}
            ),
            0
        ))::bigint

-- name: still_wanted
-- Students that wait for a course, with the course if there is any now: each school has another course.
        still_wanted as materialized (
            select attempt.profile_id, attempt.course_id
            from listener.wanted_past_errors(
                array(
                    select pending_enrollment.profile_id
                    from listener.pending_enrollment
                    where pending_enrollment.next_attempt_at = 'infinity'
                )
            ) as attempt
            where attempt.error is null
        ),

-- name: has_course_now
exists (select from destination)
                and (
                    pending_enrollment.profile_id = any (
                        array(
                            select still_wanted.profile_id from still_wanted where still_wanted.course_id is not null
                        )
                    )
                    or not pending_enrollment.profile_id = any (
                        array(select still_wanted.profile_id from still_wanted)
                    )
                )

-- name: is_alone
-- Nothing tells rows of the same pair apart: of several, none is known to be ours.
            and (
                select count(*)
                from {{enrollment_table}} as same
                where
                    {{enrollment_profile:same}} = {{enrollment_profile:enrollment}}
                    and {{enrollment_course:same}} = {{enrollment_course:enrollment}}
            ) = 1

-- name: leave_remove
delete from {{enrollment_table}} as enrollment
        using leaving
        where
            {{enrollment_profile:enrollment}} = leaving.profile_id
            and {{enrollment_course:enrollment}} = leaving.course_id
            and {{row_key:enrollment}} is not distinct from leaving.row_key
            and ({{is_active:enrollment}}) is true{{is_alone}}
        returning leaving.profile_id, leaving.course_id{{left_content}}

-- name: leave_suspend
update {{enrollment_table}} as enrollment
        set {{enrollment_status_name}} = {{inactive_value}}
        from leaving
        where
            {{enrollment_profile:enrollment}} = leaving.profile_id
            and {{enrollment_course:enrollment}} = leaving.course_id
            and {{row_key:enrollment}} is not distinct from leaving.row_key
            and ({{is_active:enrollment}}) is true{{is_alone}}
        returning leaving.profile_id, leaving.course_id{{left_status}}

-- name: query_settings
-- However the caller's session is tuned: the query may look something up for each profile, which only a nested loop does by
-- an index.
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on

-- name: returned_remove
-- Students that come back after a removal are among the enrolled.
    returned as (
        select standing.profile_id, standing.course_id
        from standing
        where false
    )

-- name: returned_suspend
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
            and ({{enrollment_status:enrollment}})::text = {{inactive_value}}{{is_alone}}
        returning to_enroll.id as profile_id, to_enroll.course_id{{returned_status}}
    )

-- name: seats
,

    on_its_way as materialized (
        select count_on_its_way.course_id, count_on_its_way.delta
        from listener.count_on_its_way
    ),

    course_with_seats as materialized (
        select
            {{course_key:course}} as id,
            {{free_seats}} as free
        from {{course_table}} as course
        where
            {{course_key:course}} = any (array(select distinct candidate.course_id from candidate))
            and ({{course_seats:course}}) is not null
    ),

    -- Students that have waited for long enough for a seat, and how many take a seat before newcomers.
    line as materialized (
        select
            course_with_seats.id,
            course_with_seats.free,
            (
                select count(*)
                from (
                    select from listener.waiting
                    where waiting.course_id = course_with_seats.id
                    limit greatest(course_with_seats.free, 0)
                ) as before_others
            ) as waiting,
            (
                select waiting.place
                from listener.waiting
                where waiting.course_id = course_with_seats.id
                order by waiting.place
                offset greatest(course_with_seats.free, 1) - 1
                limit 1
            ) as last_place
        from course_with_seats
    ),

    in_line as materialized (
        select
            candidate.id,
            candidate.course_id,
            candidate.is_there,
            waiting.place,
            row_number() over (
                partition by candidate.course_id, waiting.place is null
                order by waiting.place, array_position(profile_ids, candidate.id)
            ) as number
        from candidate
        left join listener.waiting
            on waiting.profile_id = candidate.id and waiting.course_id = candidate.course_id
    ),

    {{asking_to_join}} as materialized (
        select in_line.id, in_line.course_id, in_line.is_there
        from in_line
        left join line on line.id = in_line.course_id
        where
            line.id is null
            or (
                line.free > 0
                and settle.checked_now is null
                and case
                    when in_line.place is not null then in_line.place <= coalesce(line.last_place, in_line.place)
                    else line.waiting + in_line.number <= line.free
                end
            )
    ),

    has_to_wait as materialized (
        select in_line.id, in_line.course_id, in_line.number
        from in_line
        where
            (in_line.id, in_line.course_id) not in (
                select {{asking_to_join}}.id, {{asking_to_join}}.course_id from {{asking_to_join}}
            )
    ),

    now_waiting as (
        insert into listener.waiting (profile_id, course_id)
        select has_to_wait.id, has_to_wait.course_id
        from has_to_wait
        where settle.checked_now is null
        order by has_to_wait.number
        on conflict (profile_id, course_id) do nothing
    ),

    waiting_no_more as (
        delete from listener.waiting
        where
            waiting.profile_id = any (profile_ids){{in_only_course:waiting}}
            and settle.checked_now is null
            and (waiting.profile_id, waiting.course_id) not in (
                select has_to_wait.id, has_to_wait.course_id from has_to_wait
            )
    )

-- name: seats_outcome
union all
        select has_to_wait.id, has_to_wait.course_id, null, 'full', null
        from has_to_wait

-- name: joining
-- Of those who may join, who was held before, or let go since; and nobody joins where the course's row is locked.
    joining as materialized (
        select
            asks_to_join.id,
            asks_to_join.course_id,
            asks_to_join.is_there,
            asks_to_join.is_there
            or (asks_to_join.course_id in (select open_course.id from open_course)) is true as joins,
            coalesce(before.reason = 'held' and not before.released, false) as is_held,
            coalesce(before.released, false) as is_released
        from asks_to_join
        left join listener.pending_enrollment as before
            on before.profile_id = asks_to_join.id and before.course_id = asks_to_join.course_id
    ),

    -- Asked once, and only if somebody joins. In a transaction of somebody else's nothing is locked that others need.
    joining_brake as materialized (
        select brake.lets_in, brake.lets_in_again
        from (
            select
                count(*) filter (where not joining.is_held) as number,
                count(*) filter (where joining.is_held) as held
            from joining
            where joining.joins and not joining.is_released
        ) as asked
        cross join lateral listener.may_join(asked.number, asked.held) as brake
        where asked.number + asked.held > 0 and settle.checked_now is null
    ),

    held_joining as materialized (
        select joining.id, joining.course_id
        from joining
        where
            joining.joins
            and not joining.is_released
            and case
                when joining.is_held then (select joining_brake.lets_in_again from joining_brake)
                else (select joining_brake.lets_in from joining_brake)
            end is not true
    ),

    to_enroll as materialized (
        select joining.id, joining.course_id, joining.is_there
        from joining
        where
            not joining.joins
            or (joining.id, joining.course_id) not in (select held_joining.id, held_joining.course_id from held_joining)
    ),

-- name: joined
,

    -- Only enrollments that were made: of those whom a trigger turned away nothing is used up.
    joined as (
        insert into listener.brake_use (kind, number)
        select 'joining', count(*)
        from (
            select enrolled.profile_id, enrolled.course_id
            from enrolled{{joined_again}}
        ) as made
        where
            (made.profile_id, made.course_id) not in (
                select joining.id, joining.course_id from joining where joining.is_released
            )
        having count(*) > 0
        on conflict (kind, slot) do update set number = brake_use.number + excluded.number
    )

-- name: joined_again
union all
            select distinct returned.profile_id, returned.course_id
            from returned

-- name: joining_outcome
union all
        select held_joining.id, held_joining.course_id, null, 'held', null
        from held_joining

-- name: taken_back
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
            and made.taken_back_at is null{{in_only_course:made}}
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
                    {{enrollment_profile:enrollment}} = ours.profile_id
                    and {{enrollment_course:enrollment}} = ours.course_id
                    and {{row_key:enrollment}} is not distinct from ours.row_key
                    and ({{is_active:enrollment}}) is true{{is_alone}}
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
        {{leave}}
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
    )

-- name: taken_back_outcome
union all
        select distinct returned.profile_id, returned.course_id, 'returned', null, null
        from returned
        union all
        select distinct left_course.profile_id, left_course.course_id, {{left_word}}, null, null
        from left_course
        union all
        select held.profile_id, held.course_id, 'held', null, null
        from held

-- name: who_asks_keep
-- Profiles without an enrollment of any status.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
        where (
            select true
            from {{enrollment_table}} as enrollment
            where
                {{enrollment_profile:enrollment}} = wanted.profile_id{{in_that_course}}
            limit 1
        ) is null
    )

-- name: who_asks_by_school
-- Profiles without an enrollment of any status in that school: the rule says so.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
    )

-- name: who_asks_leave
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

    -- Profiles without an enrollment, or with a suspended enrollment.
    {{asking}} as materialized (
        select standing.profile_id as id, standing.course_id, standing.active is not null as is_there
        from standing
        where (standing.active is null and not standing.left_by_hand) or (standing.suspended and not standing.active)
    )
