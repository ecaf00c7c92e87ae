-- Parts of `listener.settle` where joining has a brake.

-- name: joining_brake
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
-- Only enrollments that were made: of those whom a trigger turned away nothing is used up.
joined as (
    insert into listener.brake_use (kind, number)
    select 'joining', count(*)
    from (
        select enrolled.profile_id, enrolled.course_id
        from enrolled
        --: if suspends
        union all
        select distinct returned.profile_id, returned.course_id
        from returned
        --: end
    ) as made
    where
        (made.profile_id, made.course_id) not in (
            select joining.id, joining.course_id from joining where joining.is_released
        )
    having count(*) > 0
    on conflict (kind, slot) do update set number = brake_use.number + excluded.number
),
