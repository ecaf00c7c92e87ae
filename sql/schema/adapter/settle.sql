-- The reason why no enrollment was made: what the profile waits for, and the error if there is one. `open_ids` are
-- courses whose row could be locked.
create or replace function listener.not_made(course_id {{course_key_type}}, open_ids {{course_key_type}}[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    if course_id is null then
        return array['no_course', null];
    elsif course_id = any (open_ids) then
        return array['failed', 'a trigger of the LMS''s made no enrollment of it'];
    end if;
    {{expect_courses}}
    if exists (select from {{course_table}} as course where {{course_key:course}} = course_id) then
        return array['course_locked', null];
    end if;
    return array['failed', 'there is no course ' || course_id::text];
end;
$$;

-- Makes the enrollments of these profiles as the query wants. Returns results worth telling: the action, or the reason
-- to wait. With the owner's rights: the daemon's role needs none on the LMS's tables, and the LMS's own triggers on
-- enrollments run as if the owner had enrolled.
--
-- The statement that writes is planned by the path of this function, so that nobody's operator, cast or function is met in
-- it. As it begins to run it sets the LMS's path, by a condition outside of the INSERT (its own would come after the LMS's
-- triggers for the statement): the LMS's triggers and defaults find what they name. What the LMS defers is done in here, too.
-- With `only_course`, nothing is done in another one. `cause` is what the LMS's triggers can read as `listener.cause`.
-- With `checked_now`, this is the transaction of somebody else, which goes on: only what is wanted is done, where no lock is held
-- that others need, and of what is deferred these keys alone are checked.
-- `may_go`: a trigger of the LMS's runs after an enrollment was made, so that it may take it away again: look whether it stays.
create or replace function listener.settle(
    profile_ids {{profile_key_type}}[],
    singly boolean default false,
    only_course {{course_key_type}} default null,
    cause text default 'retry',
    checked_now text default null
)
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text, waits_for text, error text, may_go boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    one_id {{profile_key_type}};
    one_course {{course_key_type}};
    courses {{course_key_type}}[];
    put_off text := case
        when current_setting('listener.put_off', true) = 'on'
            then 'put off: the session ended each time that it was tried'
    end;
    is_over boolean := put_off is not null;
    fails_for_a_course boolean;
    problem text;
    problem_context text;
begin
    if set_config('listener.cause', settle.cause, true) is null then
        null;
    end if;
    -- A savepoint for each profile: an error is an answer here, not the end of the batch. Past half a second nothing is
    -- tried any more, so that a transaction stays short however many profiles have to wait for locks, and a pooler's
    -- limit of a second is kept; nor after a cancel was caught, for then the statement has no time limit; nor where
    -- `listener.put_off` is on.
    if singly then
        foreach one_id in array profile_ids loop
            problem := coalesce(put_off, 'put off: others before it took too long');
            for attempt in 1..2 loop
                exit when is_over or clock_timestamp() > statement_timestamp() + interval '500 milliseconds';
                begin
                    set constraints all deferred;
                    return query
                    select settled.*
                    from listener.settle(array[one_id], false, null, settle.cause) as settled
                    where not settled.may_go or listener.stays(settled.profile_id, settled.course_id, settled.done);
                    problem := null;
                    exit;
                exception when assert_failure or query_canceled or others then
                    get stacked diagnostics problem_context = pg_exception_context;
                    is_over := sqlstate = '57014' and not listener.was_raised(problem_context);
                    problem := listener.error_text(sqlstate, sqlerrm);
                    -- Another session enrolled the same profile at the same moment: the second look sees the
                    -- enrollment.
                    exit when sqlstate <> '23505';
                end;
            end loop;
            continue when problem is null;
            courses := null;
            begin
                {{expect_enrollments}}
                --: if one_course_each
                -- A rule about new students alone may fail for other profiles.
                continue when exists (
                    select from {{enrollment_table}} as enrollment
                    where {{enrollment_profile:enrollment}} = one_id
                );
                -- A course for which the rule fails is found once: all further profiles go on past that course.
                if fails_for_a_course is null then
                    begin
                        perform from (
                            {{default_course_view}}
                        ) as found(id);
                        fails_for_a_course := false;
                    exception when assert_failure or others then
                        fails_for_a_course := true;
                    end;
                end if;
                if fails_for_a_course then
                    courses := array[listener.default_course_id()];
                end if;
                --: else
                -- A course that refuses keeps no student out of other courses.
                if not is_over then
                    courses := array(
                        select wanted.course_id
                        from listener.wanted(array[one_id]) as wanted
                        where wanted.course_id is not null
                        union
                        select made.course_id
                        from listener.made_enrollment as made
                        where made.profile_id = one_id and made.taken_back_at is null
                    );
                end if;
                --: end
            exception when assert_failure or others then
                null;
            end;
            if
                cardinality(courses) > 1
                --: if by_school
                or courses[1] is not null
                --: else
                or fails_for_a_course and courses[1] is not null
                --: end
            then
                foreach one_course in array courses loop
                    if is_over or clock_timestamp() > statement_timestamp() + interval '500 milliseconds' then
                        return query
                        select one_id, one_course, null::text, 'failed'::text, 'put off: others before it took too long', false;
                        continue;
                    end if;
                    begin
                        set constraints all deferred;
                        return query
                        select settled.*
                        from listener.settle(array[one_id], false, one_course, settle.cause) as settled
                        where not settled.may_go or listener.stays(settled.profile_id, settled.course_id, settled.done);
                    exception when assert_failure or query_canceled or others then
                        get stacked diagnostics problem_context = pg_exception_context;
                        is_over := sqlstate = '57014' and not listener.was_raised(problem_context);
                        problem := listener.error_text(sqlstate, sqlerrm);
                        return query select one_id, one_course, null::text, 'failed'::text, problem, false;
                        -- It is not for a seat that it waits any more.
                        delete from listener.waiting
                        where waiting.profile_id = one_id and waiting.course_id = one_course;
                    end;
                end loop;
                continue;
            end if;
            one_course := case when cardinality(courses) = 1 then courses[1] end;
            delete from listener.waiting
            where waiting.profile_id = one_id and waiting.course_id = one_course and problem not like 'put off%';
            return query select one_id, one_course, null::text, 'failed'::text, problem, false;
        end loop;
        return;
    end if;
    return query
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    ),

    wanted as {{wanted_once}} (
        {{select_once}}
            wanted.profile_id::{{profile_key_type}} as profile_id,
            --: if says_why
            left(wanted.because::text, 1000) as because,
            --: end
            wanted.course_id::{{course_key_type}} as course_id
        from (
            {{settled_query}}
        ) as wanted(profile_id, course_id{{because_name}})
        where
            {{is_of_these}}
            {{in_only_course:wanted}}
            --: unless only_on_joining
            and wanted.course_id is not null
            --: end
        --: if says_why
        order by wanted.profile_id, wanted.course_id, wanted.because
        --: end
    ),

    --: if by_school
    -- Profiles without an enrollment of any status in that school: the rule says so.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
    ),

    --: else
    --: if takes_back
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
                        and ({{enrollment_status:enrollment}})::text = {{inactive_value}}
                        {{is_alone}}
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

    --: else
    -- Profiles without an enrollment of any status.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
        where (
            select true
            from {{enrollment_table}} as enrollment
            where
                {{enrollment_profile:enrollment}} = wanted.profile_id
                --: unless only_on_joining
                and {{enrollment_course:enrollment}} = wanted.course_id
                --: end
            limit 1
        ) is null
    ),

    --: end
    --: end
    --: if gives_seats
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

    --: end
    asked_course as materialized (
        select distinct {{asking_to_join}}.course_id as id
        from {{asking_to_join}}
    ),

    -- Each course's row is locked as the foreign key would, but without waiting for the row's holder.
    open_course as materialized (
        select {{course_key:course}} as id
        from {{course_table}} as course
        where {{course_key:course}} = any (array(select asked_course.id from asked_course))
        for key share skip locked
    ),

    --: if brakes_joining
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

    --: end
    enrolled as (
        --: if observes
        -- Only looks which students would be enrolled.
        select student.id as profile_id, student.course_id
        from to_enroll as student
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        --: else
        insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, student.course_id{{enrollment_values:profile}}
        from to_enroll as student
        {{enrolling_join}}
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        returning
            {{enrollment_profile:new_enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:new_enrollment}}::{{course_key_type}} as course_id,
            --: if keeps_history
            ({{enrollment_status:new_enrollment}})::text as status,
            --: end
            {{row_key:new_enrollment}} as row_key
        --: end
    ),

    --: if takes_back
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
    --: else
    -- Students that come back after a removal are among the enrolled.
    returned as (
        select standing.profile_id, standing.course_id
        from standing
        where false
    ),
    --: end

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
                    {{enrollment_profile:enrollment}} = ours.profile_id
                    and {{enrollment_course:enrollment}} = ours.course_id
                    and {{row_key:enrollment}} is not distinct from ours.row_key
                    and ({{is_active:enrollment}}) is true
                    {{is_alone}}
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
            {{enrollment_profile:enrollment}} = leaving.profile_id
            and {{enrollment_course:enrollment}} = leaving.course_id
            and {{row_key:enrollment}} is not distinct from leaving.row_key
            and ({{is_active:enrollment}}) is true
            {{is_alone}}
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

    --: end
    --: if brakes_joining
    -- Only enrollments that were made: of those whom a trigger turned away nothing is used up.
    joined as (
        insert into listener.brake_use (kind, number)
        select 'joining', count(*)
        from (
            select enrolled.profile_id, enrolled.course_id
            from enrolled
            --: if takes_back
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

    --: end
    --: if keeps_history
    history as (
        insert into listener.history (profile_id, course_id, done, row_key, status, was, cause, rule, because)
        select
            each.profile_id,
            each.course_id,
            each.done,
            each.row_key,
            each.status,
            each.was,
            settle.cause,
            (select max(rule.number) from listener.rule),
            each.because
        from (
            select known.*
            from (
                select
                    joined.*,
                    --: if says_why
                    wanted.because
                    --: else
                    null::text as because
                    --: end
                from (
                    select
                        enrolled.profile_id,
                        enrolled.course_id,
                        --: if takes_back
                        case
                            when
                                (enrolled.profile_id, enrolled.course_id) in (
                                    select standing.profile_id, standing.course_id from standing where standing.taken_back
                                )
                                then 'returned'
                            else 'enrolled'
                        end as done,
                        --: else
                        'enrolled' as done,
                        --: end
                        enrolled.row_key,
                        enrolled.status,
                        null::jsonb as was
                    from enrolled
                    --: if suspends
                    union all
                    select
                        returned.profile_id,
                        returned.course_id,
                        'returned',
                        returned.row_key,
                        returned.status,
                        to_jsonb({{inactive_value}}::text)
                    from returned
                    --: end
                ) as joined
                --: if says_why
                -- (A full join is never planned as nested loops, however the session is tuned.)
                full join wanted
                    on wanted.profile_id = joined.profile_id and wanted.course_id = joined.course_id
                offset 0
                --: end
            ) as known
            where known.profile_id is not null
            --: if takes_back
            union all
            select
                left_course.profile_id,
                left_course.course_id,
                {{left_word}},
                left_course.row_key,
                left_course.status,
                --: if suspends
                -- The earlier status: all parts of a statement see the rows as at the statement's begin.
                (
                    select to_jsonb(({{enrollment_status:enrollment}})::text)
                    from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = left_course.profile_id
                        and {{enrollment_course:enrollment}} = left_course.course_id
                        and {{row_key:enrollment}} is not distinct from left_course.row_key
                    limit 1
                ),
                --: else
                left_course.was,
                --: end
                null
            from left_course
            --: end
        ) as each
    ),

    --: end
    -- Wanted enrollments, beside the rows that were made; and why a row was not made. (A full join is never done by
    -- nested loops, whatever the session's settings.)
    compared as (
        select
            asked.id as asked_id,
            coalesce(enrolled.profile_id, asked.id) as profile_id,
            coalesce(enrolled.course_id, asked.course_id) as course_id,
            case
                when enrolled.profile_id is null
                    then listener.not_made(asked.course_id, array(select open_course.id from open_course))
            end as why_not
        from (
            select to_enroll.id, to_enroll.course_id
            from to_enroll
            where not to_enroll.is_there
        ) as asked
        full join enrolled on {{is_made_of_it}}
        offset 0
    ),

    outcome as (
        select
            compared.profile_id,
            compared.course_id,
            case
                when compared.why_not is not null then null
                when compared.asked_id is null
                    then listener.refuse_another(compared.profile_id::text, compared.course_id::text)
                --: if takes_back
                -- Asked of all at once: a join would be by nested loops, in a session that is tuned to touch few rows.
                when
                    (compared.profile_id, compared.course_id) in (
                        select standing.profile_id, standing.course_id from standing where standing.taken_back
                    )
                    then 'returned'
                --: end
                else 'enrolled'
            end as done,
            compared.why_not[1] as waits_for,
            compared.why_not[2] as error
        from compared
        --: if takes_back
        union all
        select distinct returned.profile_id, returned.course_id, 'returned', null, null
        from returned
        union all
        select distinct left_course.profile_id, left_course.course_id, {{left_word}}, null, null
        from left_course
        union all
        select held.profile_id, held.course_id, 'held', null, null
        from held
        --: end
        --: if gives_seats
        union all
        select has_to_wait.id, has_to_wait.course_id, null, 'full', null
        from has_to_wait
        --: end
        --: if brakes_joining
        union all
        select held_joining.id, held_joining.course_id, null, 'held', null
        from held_joining
        --: end
    )

    select
        outcome.profile_id,
        outcome.course_id,
        outcome.done,
        outcome.waits_for,
        outcome.error,
        --: if makes_enrollments
        -- Whether a trigger of the LMS's runs after an enrollment was made, and may take the enrollment away again.
        exists (
            select
            from pg_catalog.pg_trigger as after_row
            where
                after_row.tgrelid = {{enrollment_table_oid}}::oid
                and not after_row.tgisinternal
                and after_row.tgtype & 6 = 4
                and after_row.tgenabled <> 'D'
                and after_row.tgname not in ('listener_insert', 'listener_update')
        )
        --: else
        false
        --: end
    from outcome
    where (select as_bound.holds from as_bound) and {{by_lms_path}};
    if settle.checked_now is null then
        set constraints all immediate;
    elsif settle.checked_now <> '' then
        execute 'set constraints ' || settle.checked_now || ' immediate';
        execute 'set constraints ' || settle.checked_now || ' deferred';
    end if;
    {{own_path}}
end;
$$;
