-- Parts of `listener.settle` where courses have seats: who takes a seat, and who waits in line.

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

-- name: seats
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
        waiting.profile_id = any (profile_ids)
        {{in_only_course:waiting}}
        and settle.checked_now is null
        and (waiting.profile_id, waiting.course_id) not in (
            select has_to_wait.id, has_to_wait.course_id from has_to_wait
        )
),
