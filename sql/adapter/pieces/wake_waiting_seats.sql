-- Has those tried again who are the next in line for seats that are free. How many.
create or replace function listener.wake_waiting()
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    woken bigint;
begin
    if not exists (select from listener.waiting) then
        return 0;
    end if;
    with recursive full_course as (
        (select waiting.course_id from listener.waiting order by waiting.course_id limit 1)
        union all
        select next_course.course_id
        from full_course
        cross join lateral (
            select waiting.course_id
            from listener.waiting
            where waiting.course_id > full_course.course_id
            order by waiting.course_id
            limit 1
        ) as next_course
    ),

    on_its_way as materialized (
        select count_on_its_way.course_id, count_on_its_way.delta
        from listener.count_on_its_way
    ),

    course_with_seats as materialized (
        select
            {{course_key:course}} as id,
            {{free_seats}} as free
        from {{course_table}} as course
        where {{course_key:course}} = any (array(select full_course.course_id from full_course))
    ),

    next_in_line as (
        select first_waiting.profile_id
        from course_with_seats
        cross join lateral (
            select waiting.profile_id
            from listener.waiting
            where waiting.course_id = course_with_seats.id
            order by waiting.place
            limit case when course_with_seats.free is not null then greatest(course_with_seats.free, 0) end
        ) as first_waiting
    )

    update listener.pending_enrollment
    set next_attempt_at = clock_timestamp()
    where
        pending_enrollment.next_attempt_at = 'infinity'
        and pending_enrollment.profile_id = any (array(select next_in_line.profile_id from next_in_line));
    get diagnostics woken = row_count;
    return woken;
end;
$$;
