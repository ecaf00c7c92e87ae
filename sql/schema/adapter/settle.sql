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
                    where listener.stays(settled.profile_id, settled.course_id, settled.done);
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
                -- A rule about new students alone may fail for other profiles.
                continue when {{one_course_each}} and exists (
                    select from {{enrollment_table}} as enrollment
                    where {{enrollment_profile:enrollment}} = one_id
                );
                -- A course for which the rule fails is found once: all further profiles go on past that course.
                if {{one_course_each}} and fails_for_a_course is null then
                    begin
                        perform from (
                            {{default_course_view}}
                        ) as found(id);
                        fails_for_a_course := false;
                    exception when assert_failure or others then
                        fails_for_a_course := true;
                    end;
                end if;
                -- A course that refuses keeps no student out of other courses.
                courses := case
                    when fails_for_a_course then array[listener.default_course_id()]
                    when not ({{one_course_each}} or is_over) then array(
                        select wanted.course_id
                        from listener.wanted(array[one_id]) as wanted
                        where wanted.course_id is not null
                        union
                        select made.course_id
                        from listener.made_enrollment as made
                        where made.profile_id = one_id and made.taken_back_at is null
                    )
                end;
            exception when assert_failure or others then
                null;
            end;
            if cardinality(courses) > 1 or (fails_for_a_course or {{by_school}}) and courses[1] is not null then
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
                        where listener.stays(settled.profile_id, settled.course_id, settled.done);
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
    with as_bound as materialized (select {{rule_as_bound}} as holds),

    wanted as {{wanted_once}} (
        select {{each_once}}
            wanted.profile_id::{{profile_key_type}} as profile_id,
            wanted.course_id::{{course_key_type}} as course_id{{wanted_because}}
        from (
            {{settled_query}}
        ) as wanted(profile_id, course_id{{because_name}})
        where {{is_of_these}}{{has_course}}{{in_only_course:wanted}}{{first_because}}
    ),

    {{who_asks}}{{seats}},

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
    ),{{joining}}

    enrolled as (
        {{enroll}}
    ){{taken_back}}{{joined}}{{history}},

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
                else {{enrolled_word}}
            end as done,
            compared.why_not[1] as waits_for,
            compared.why_not[2] as error
        from compared{{taken_back_outcome}}{{seats_outcome}}{{joining_outcome}}
    )

    select
        outcome.profile_id,
        outcome.course_id,
        outcome.done,
        outcome.waits_for,
        outcome.error,
        {{may_go}}
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
