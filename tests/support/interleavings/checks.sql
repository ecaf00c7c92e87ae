-- What must hold in every snapshot, in every school; and the ways to check it, to catch up, and to begin again.

create schema proof;

-- What the reaction of somebody's own has seen.
create table proof.seen (note bigint not null);

-- By how much somebody has moved a count by hand, which sync is to repair.
create table proof.drift (course_id bigint primary key, by bigint not null);

-- The reaction that is installed, as a function.
create function proof.sees(most bigint, out changes bigint, out notes_left boolean, out seq bigint)
language plpgsql as $$
#variable_conflict use_column
begin
    {{sees}}
    into changes, notes_left, seq;
end;
$$;

-- The same for what is fresh, ahead of its turn.
create function proof.sees_fresh(most bigint, looked text, out changes bigint, out notes_left boolean, out seq bigint)
language plpgsql as $$
#variable_conflict use_column
begin
    {{sees_fresh}}
    into changes, notes_left, seq;
end;
$$;

-- What is set aside is due.
create procedure proof.time_passes() language plpgsql as $$
begin
    update listener.pending_count
    set next_attempt_at = clock_timestamp() - interval '1 second'
    where ctid = any (array(select ctid from listener.pending_count for update skip locked));
    update listener.pending_enrollment
    set next_attempt_at = clock_timestamp() - interval '1 second'
    where ctid = any (
        array(select ctid from listener.pending_enrollment where next_attempt_at < 'infinity' for update skip locked)
    );
end;
$$;

-- Stops here, if the session is to stop at this place, until its lock is let go.
create function proof.stop(place text) returns void language plpgsql as $$
begin
    if current_setting('proof.stop', true) = place then
        perform pg_advisory_xact_lock_shared(4242, current_setting('proof.session')::integer);
    end if;
end;
$$;

-- What is wrong in this snapshot, or null. One expression: so it is what anybody could see at this moment.
create function proof.problem(is_end boolean) returns text language plpgsql stable as $$
begin
    return nullif(
        concat_ws(
            '; ',
            (
                select string_agg(
                    format(
                        'the count of course %s: %s in its row, %s noted or parked, %s enrolled%s',
                        course.id,
                        course.enrollments,
                        coalesce(on_its_way.delta, 0),
                        active.number,
                        ', moved by hand by ' || drift.by
                    ),
                    '; '
                )
                from public.courses as course
                left join listener.count_on_its_way as on_its_way on on_its_way.course_id = course.id
                left join proof.drift on drift.course_id = course.id
                cross join lateral (
                    select count(*) as number
                    from public.enrollments as enrollment
                    where enrollment.course_id = course.id and enrollment.status = 'active'
                ) as active
                where course.enrollments + coalesce(on_its_way.delta, 0) <> active.number + coalesce(drift.by, 0)
            ),
            (
                select 'note ' || string_agg(note.id::text || ' is handled or waiting ' || note.times || ' times', ', ')
                from (
                    select change.id, count(shown.note) as times
                    from listener.change
                    left join (
                        select seen.note
                        from proof.seen
                        union all
                        select unhandled.id
                        from listener.unhandled('test') as unhandled
                    ) as shown on shown.note = change.id
                    group by change.id
                    having count(shown.note) <> 1
                ) as note
            ),
            (
                select 'purged, and not seen: note ' || string_agg(noted.id::text, ', ')
                from proof.noted
                as noted
                where
                    not exists (select from listener.change where change.id = noted.id)
                    and not exists (select from proof.seen where seen.note = noted.id)
            ),
            -- What was handled, in its turn or ahead of it, was handled once.
            (
                select string_agg(format('%s has handled %s notes of %s', handled.consumer, handled.changes, handled.notes), '; ')
                from (
                    select
                        checkpoint.consumer,
                        sum(checkpoint.changes) as changes,
                        (select count(*) from proof.noted)
                        - (select count(*) from listener.unhandled(checkpoint.consumer)) as notes
                    from listener.checkpoint
                    where checkpoint.consumer <> 'test'
                    group by checkpoint.consumer
                    -- (Unless checkpoints are purged.)
                    having bool_or(checkpoint.seq = 0)
                ) as handled
                where handled.changes <> handled.notes
            ),
            (
                select 'forgotten that it is ahead: ' || string_agg(ahead.xid::text, ', ')
                from listener.ahead
                inner join listener.last_checkpoint on last_checkpoint.consumer = ahead.consumer
                where last_checkpoint.first_ahead is null or ahead.xid < last_checkpoint.first_ahead
            ),
            proof.wrong_people(is_end),
            case
                when is_end and (
                    exists (select from listener.unhandled('enroll'))
                    or exists (select from listener.unhandled('count'))
                    or exists (select from listener.unhandled('test'))
                    or exists (select from listener.pending_count)
                    or exists (select from listener.ahead)
                    or exists (select from listener.pending_enrollment where reason not in ('full', 'held'))
                )
                    then 'something is left to do'
            end
        ),
        ''
    );
end;
$$;

-- Fails if something is wrong.
create function proof.look() returns void language plpgsql as $$
declare
    problem constant text := proof.problem(false);
begin
    if problem is not null then
        raise exception '%', problem;
    end if;
end;
$$;

-- Tells the runner of a row. (A message of several statements has no answer but this.)
create function proof.tell(told record) returns void language plpgsql as $$
begin
    raise notice '%', row_to_json(told);
end;
$$;

-- Tells the runner whether the transaction has written anything, or locked a row.
create function proof.tell_wrote() returns void language plpgsql as $$
begin
    raise notice '{"wrote": %}', (pg_current_xact_id_if_assigned() is not null)::text;
end;
$$;

-- Every note that was ever taken, and committed: purge does not reach this.
create table proof.noted (id bigint primary key);
create function proof.note() returns trigger language plpgsql as $$
begin
    insert into proof.noted (id) values (new.id);
    return null;
end;
$$;
create trigger proof_note after insert on listener.change for each row execute function proof.note();

-- A lone leader catches up, in batches of at most so much; after each that enrolls or counts, and at the end, all must be
-- right.
create procedure proof.catch_up(most integer) language plpgsql as $$
declare
    problem text;
    done bigint;
    nothing_done boolean := false;
begin
    if exists (select from listener.pause) then
        delete from listener.pause;
    end if;
    -- (To ask takes as long as to catch up.)
    if current_database() = 'proof_migrating' then
        if not listener.is_bound() then
            perform listener.follow();
        end if;
    end if;
    for round in 1..60 loop
        exit when nothing_done;
        nothing_done := true;
        call proof.time_passes();
        commit;
        for place in 1..5 loop
            done := 0;
            case place
                when 1 then
                    done := (select changes from listener.enroll(most));
                when 2 then
                    if
                        exists (select from listener.pending_enrollment where next_attempt_at < 'infinity')
                        or listener.held_fit('joining')
                    then
                        done := (select tried from listener.retry_enroll(200, singly => true));
                    end if;
                when 3 then
                    done := (select changes from listener.count(most));
                when 4 then
                    if exists (select from listener.pending_count) then
                        done := (select tried from listener.retry_count(1000));
                    end if;
                else
                    done := (select changes from proof.sees(most));
            end case;
            commit;
            if done > 0 then
                nothing_done := false;
                problem := case when place < 5 then proof.problem(false) end;
                if problem is not null then
                    raise exception 'while a leader catches up: %', problem;
                end if;
            end if;
        end loop;
    end loop;
    problem := proof.problem(true);
    if problem is not null then
        raise exception 'once a leader has caught up: %', problem;
    end if;
end;
$$;

-- Begins again, in a session that runs no triggers (session_replication_role = replica). DELETE takes a tenth of the time of
-- TRUNCATE, which is for now and then.
create procedure proof.begin_again(thoroughly boolean) language plpgsql as $$
declare
    each_table text;
begin
    foreach each_table in array array[
        'public.enrollments', 'public.profiles', 'proof.seen', 'proof.noted', 'proof.drift', 'listener.change',
        'listener.checkpoint', 'listener.ahead', 'listener.pause', 'listener.pending_count', 'listener.pending_enrollment',
        'listener.blind_note'
    ] || {{own_tables}}::text[] loop
        execute case when thoroughly then 'truncate ' || each_table || ' cascade' else 'delete from ' || each_table end;
    end loop;
    update public.courses set {{no_counts}} where not ({{are_no_counts}});
    update listener.purged set latest_note_at = '-infinity' where latest_note_at <> '-infinity';
    commit;
    insert into listener.checkpoint (consumer, seq, handled)
    select unnest(array['enroll', 'count', 'test']), 0, pg_current_snapshot();
end;
$$;
