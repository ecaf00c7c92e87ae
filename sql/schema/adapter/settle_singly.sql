-- `listener.settle` for each of these profiles by itself. A savepoint for each: an error is an answer here, not the end of
-- the batch. Past half a second nothing is tried any more, so that a transaction stays short however many profiles have to
-- wait for locks, and a pooler's limit of a second is kept; nor after a cancel was caught, for then the statement has no
-- time limit; nor where `listener.put_off` is on.
create or replace function listener.settle_singly(profile_ids {{profile_key_type}}[], cause text)
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
    foreach one_id in array profile_ids loop
        problem := coalesce(put_off, 'put off: others before it took too long');
        for attempt in 1..2 loop
            exit when is_over or clock_timestamp() > statement_timestamp() + interval '500 milliseconds';
            begin
                begin
                    set constraints all deferred;
                    return query
                    select settled.*
                    from listener.settle(array[one_id], false, null, settle_singly.cause) as settled
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
            exception when query_canceled then
                -- It came while another error was being dealt with, which it had caused.
                is_over := true;
                problem := listener.error_text(sqlstate, sqlerrm);
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
                problem := null;
                begin
                    begin
                        set constraints all deferred;
                        return query
                        select settled.*
                        from listener.settle(array[one_id], false, one_course, settle_singly.cause) as settled
                        where not settled.may_go or listener.stays(settled.profile_id, settled.course_id, settled.done);
                    exception when assert_failure or query_canceled or others then
                        get stacked diagnostics problem_context = pg_exception_context;
                        is_over := sqlstate = '57014' and not listener.was_raised(problem_context);
                        problem := listener.error_text(sqlstate, sqlerrm);
                    end;
                exception when query_canceled then
                    is_over := true;
                    problem := listener.error_text(sqlstate, sqlerrm);
                end;
                continue when problem is null;
                return query select one_id, one_course, null::text, 'failed'::text, problem, false;
                --: if gives_seats
                -- It is not for a seat that it waits any more.
                delete from listener.waiting
                where waiting.profile_id = one_id and waiting.course_id = one_course;
                --: end
            end loop;
            continue;
        end if;
        one_course := case when cardinality(courses) = 1 then courses[1] end;
        --: if gives_seats
        delete from listener.waiting
        where waiting.profile_id = one_id and waiting.course_id = one_course and problem not like 'put off%';
        --: end
        return query select one_id, one_course, null::text, 'failed'::text, problem, false;
    end loop;
end;
$$;
