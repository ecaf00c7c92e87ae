-- Retries the students next in line for free seats; returns their number. For all courses, or for `among`; a course
-- whose seats cannot be told holds up no other.
create or replace function listener.wake_waiting(among {{course_key_type}}[] default null)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    woken bigint;
    full_courses {{course_key_type}}[] := among;
    one_course {{course_key_type}};
begin
    if not exists (select from listener.waiting) then
        return 0;
    end if;
    {{expect_courses}}
    if among is null then
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
        )

        select array_agg(full_course.course_id)
        from full_course
        into full_courses;
    end if;
    begin
        with on_its_way as materialized (
            select count_on_its_way.course_id, count_on_its_way.delta
            from listener.count_on_its_way
        ),

        course_with_seats as materialized (
            select
                {{course_key:course}} as id,
                {{free_seats}} as free
            from {{course_table}} as course
            where {{course_key:course}} = any (full_courses)
        ),

        next_in_line as (
            select first_waiting.profile_id, first_waiting.course_id
            from course_with_seats
            cross join lateral (
                select waiting.profile_id, waiting.course_id
                from listener.waiting
                where waiting.course_id = course_with_seats.id
                order by waiting.place
                limit case when course_with_seats.free is not null then greatest(course_with_seats.free, 0) end
            ) as first_waiting
        )

        update listener.pending_enrollment
        set next_attempt_at = clock_timestamp()
        where
            pending_enrollment.next_attempt_at > clock_timestamp()
            and pending_enrollment.profile_id = any (array(select next_in_line.profile_id from next_in_line))
            and (
                (pending_enrollment.profile_id, pending_enrollment.course_id) in (
                    select next_in_line.profile_id, next_in_line.course_id from next_in_line
                )
            ) is true;
        get diagnostics woken = row_count;
    exception when assert_failure or others then
        if sqlstate ~ '^(42|3F)' then
            raise;
        end if;
        woken := 0;
        if cardinality(full_courses) > 1 then
            foreach one_course in array full_courses loop
                woken := woken + listener.wake_waiting(array[one_course]);
            end loop;
        end if;
    end;
    return woken;
end;
$$;
