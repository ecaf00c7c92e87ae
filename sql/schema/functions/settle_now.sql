-- For the tests of an app: all that is noted in this transaction, and not yet handled, is handled in it, by the functions that
-- the daemon calls, whatever becomes of the transaction; and what was committed before, unless a daemon leads. The owner calls
-- it, nobody else may: it does without the limits that keep the daemon out of everybody's way. Reactions of one's own do not
-- run, and will not see what was noted here.
create or replace function listener.settle_now(
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out held bigint,
    out waiting bigint,
    out moved bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    cause_of_caller constant text := coalesce(current_setting('listener.cause', true), '');
    initially_immediate text;
    noted listener.change[];
    tried {{profile_key_type}}[] := '{}';
    student record;
    course record;
    done record;
    outcomes text[];
    waiting_courses {{course_key_type}}[];
    waiting_for text[];
    problems text[];
    problem text;
begin
    perform listener.refuse_deferred();
    select 0, 0, 0, 0, 0, 0, 0 into enrolled, returned, suspended, removed, held, waiting, moved;
    if not listener.is_bound() then
        perform listener.follow();
    end if;
    if listener.lead(false) is not null then
        loop
            begin
                done := listener.enroll(2000);
            exception when assert_failure or others then
                done := listener.enroll(200, singly => true);
            end;
            exit when coalesce(done.changes, 0) = 0;
            enrolled := enrolled + done.enrolled;
            returned := returned + coalesce(done.returned, 0);
            suspended := suspended + coalesce(done.suspended, 0);
            removed := removed + coalesce(done.removed, 0);
            held := held + coalesce(done.held, 0);
        end loop;
        loop
            begin
                done := listener.count(2000);
            exception when assert_failure or others then
                done := listener.count(200, singly => true);
            end;
            exit when coalesce(done.changes, 0) = 0;
            moved := moved + done.moved;
        end loop;
    end if;
    for round in 1..100 loop
        -- What leads to profiles by a route, or was noted blindly, is noted in its turn, as by the daemon.
        perform listener.make_good_students(), listener.make_good_counts()
        where exists (select from listener.due_blind_note);
        --: if has_routes
        insert into listener.change (source, operation, profile_ids)
        select note.source, case note.source when 'profiles' then 'update' else note.operation end, array[led.id]
        from listener.change as note
        cross join lateral listener.routed(note.route, note.keys) as led(id)
        where note.xid = pg_current_xact_id_if_assigned() and note.route is not null;
        --: end
        -- What is handled in the same transaction is no note any more.
        with taken as (
            delete from listener.change
            where change.xid = pg_current_xact_id_if_assigned()
            returning change.*
        )

        select array_agg(taken::listener.change) from taken into noted;
        exit when noted is null and round > 1;
        -- Who is noted, and who was set aside before.
        for student in
            select who.id, (array_agg(who.cause order by who.cause <> 'sign_up', who.cause))[1] as cause
            from (
                select
                    led.id,
                    {{cause_of_note}} as cause
                from unnest(noted) as note
                cross join lateral unnest(note.profile_ids) as led(id)
                union all
                select pending_enrollment.profile_id, pending_enrollment.cause
                from listener.pending_enrollment
                where round = 1 or not pending_enrollment.profile_id = any (tried)
            ) as who
            group by who.id
        loop
            tried := tried || student.id;
            waiting_courses := null;
            waiting_for := null;
            problems := null;
            begin
                set constraints all deferred;
                select
                    coalesce(array_agg(outcome.done) filter (where outcome.done is not null), '{}'),
                    array_agg(outcome.course_id) filter (where outcome.waits_for is not null),
                    array_agg(outcome.waits_for) filter (where outcome.waits_for is not null),
                    array_agg(outcome.error) filter (where outcome.waits_for is not null)
                from listener.settle(array[student.id], false, null, student.cause) as outcome
                where not outcome.may_go or listener.stays(outcome.profile_id, outcome.course_id, outcome.done)
                into outcomes, waiting_courses, waiting_for, problems;
                enrolled := enrolled + cardinality(array_positions(outcomes, 'enrolled'));
                returned := returned + cardinality(array_positions(outcomes, 'returned'));
                suspended := suspended + cardinality(array_positions(outcomes, 'suspended'));
                removed := removed + cardinality(array_positions(outcomes, 'removed'));
                held := held + cardinality(array_positions(outcomes, 'held'));
            exception when assert_failure or others then
                waiting_courses := array[null];
                waiting_for := array['failed'];
                problems := array[listener.error_text(sqlstate, sqlerrm)];
            end;
            delete from listener.pending_enrollment where pending_enrollment.profile_id = student.id;
            insert into listener.pending_enrollment (profile_id, course_id, reason, error, next_attempt_at, cause)
            select
                student.id,
                unsettled.course_id,
                unsettled.reason,
                unsettled.error,
                case when unsettled.reason in ('no_course', 'full', 'held') then 'infinity' else clock_timestamp() end,
                student.cause
            from unnest(waiting_courses, waiting_for, problems) as unsettled(course_id, reason, error)
            order by unsettled.reason = 'failed' desc
            on conflict do nothing;
        end loop;
        --: if has_seats
        perform listener.wake_waiting();
        --: end
        for course in
            with parked as (
                delete from listener.pending_count
                where round = 1
                returning pending_count.course_id, pending_count.delta
            )

            select each.course_id as id, sum(each.delta)::bigint as delta
            from (
                select note.course_id, note.delta from unnest(noted) as note
                union all
                select parked.course_id, parked.delta from parked
            ) as each
            where each.course_id is not null
            group by each.course_id
            having sum(each.delta) <> 0
        loop
            problem := null;
            begin
                set constraints all deferred;
                perform from listener.move_counts(array[course.id], array[course.delta]);
                if found then
                    moved := moved + 1;
                    continue;
                end if;
            exception when assert_failure or others then
                problem := listener.error_text(sqlstate, sqlerrm);
            end;
            insert into listener.pending_count (course_id, delta, error, next_attempt_at)
            values (course.id, course.delta, problem, clock_timestamp())
            on conflict (course_id) do update
            set delta = pending_count.delta + excluded.delta, error = excluded.error;
        end loop;
    end loop;
    waiting := (select count(distinct pending_enrollment.profile_id) from listener.pending_enrollment);
    -- Keys are checked when they were checked before.
    set constraints all deferred;
    initially_immediate := (
        select string_agg(format('%I.%I', namespace.nspname, checked.conname), ', ')
        from pg_catalog.pg_constraint as checked
        inner join pg_catalog.pg_namespace as namespace on namespace.oid = checked.connamespace
        where checked.condeferrable and not checked.condeferred and checked.conparentid = 0
    );
    if initially_immediate is not null then
        execute 'set constraints ' || initially_immediate || ' immediate';
    end if;
    perform set_config('listener.cause', cause_of_caller, true);
end;
$$;
