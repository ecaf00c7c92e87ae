-- Whether a cancel (57014) was raised by code, as a trigger may: then no time limit has passed, and no user has
-- cancelled. `context` is the error's, in any language of the server's: the statement's name stands last there, or
-- before a postposition.
create or replace function listener.was_raised(context text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select split_part(context, E'\n', 1) ~ ' RAISE(-[^ ]+| [^ ]+)?$'
$$;

-- Ends a statement with the error of a row or trigger. No driver has to read a text that is none, or takes a code that
-- a trigger has chosen for a warning, for a cancel, or for the end of the connection.
create or replace function listener.raise_again(state text, message text, context text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        message = listener.error_text(null, raise_again.message),
        errcode = case
            when state ~ '^(0[0128]|57P|25006)' or (state = '57014' and listener.was_raised(context)) then 'P0001'
            else state
        end;
end;
$$;

-- What is deferred runs, before Postgres 18, with the rights of the function that has it checked, and not of the role that
-- wrote. So a transaction that has written to a table with something deferrable, of an owner who is a stranger, calls no
-- function that ends with SET CONSTRAINTS. (Who wrote to a table holds that lock on it until the transaction ends.)
create or replace function listener.refuse_deferred() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if exists (
        select
        from pg_catalog.pg_locks as held
        inner join pg_catalog.pg_class as class on class.oid = held.relation
        where
            held.pid = pg_backend_pid()
            and held.locktype = 'relation'
            and held.mode = 'RowExclusiveLock'
            and exists (
                select from pg_catalog.pg_constraint as checked
                where checked.conrelid = class.oid and checked.condeferrable
            )
            and listener.is_trusted(class.relowner) is not true
    ) then
        raise insufficient_privilege using
            message = 'this transaction has written to a table of somebody else''s, where something is deferred';
    end if;
end;
$$;

-- Refuses what a trigger of the LMS's has made of an enrollment.
create or replace function listener.refuse_another(profile text, course text) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'a trigger of the LMS''s made another enrollment of it: of % in %', profile, course;
end;
$$;

-- Moves courses' counts, each separately, where the LMS's own triggers or checks may refuse: an error is an answer
-- here. Neither moved nor an error: the course is locked, or gone. Past half a second nothing is tried any more; nor
-- after a cancel was caught, for then the statement has no time limit; nor where `listener.put_off` is on.
create or replace function listener.move_counts_singly(course_ids {{course_key_type}}[], deltas bigint[])
returns table (course_id {{course_key_type}}, delta bigint, moved boolean, error text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    put_off text := case
        when current_setting('listener.put_off', true) = 'on'
            then 'put off: the session ended each time that it was tried'
    end;
    is_over boolean := put_off is not null;
    problem_context text;
begin
    for place in 1..coalesce(cardinality(course_ids), 0) loop
        course_id := course_ids[place];
        delta := deltas[place];
        moved := delta = 0;
        error := null;
        is_over := is_over or clock_timestamp() > statement_timestamp() + interval '500 milliseconds';
        if is_over and not moved then
            error := coalesce(put_off, 'put off: others before it took too long');
        elsif not moved then
            begin
                begin
                    set constraints all deferred;
                    perform from listener.move_counts(array[course_id], array[delta]);
                    moved := found;
                    if not moved then
                        select again.* from listener.move_again(course_id, delta) as again into moved, error;
                    end if;
                exception when assert_failure or query_canceled or others then
                    get stacked diagnostics problem_context = pg_exception_context;
                    is_over := sqlstate = '57014' and not listener.was_raised(problem_context);
                    error := listener.error_text(sqlstate, sqlerrm);
                end;
            exception when query_canceled then
                -- It came while another error was being dealt with, which it had caused.
                is_over := true;
                error := listener.error_text(sqlstate, sqlerrm);
            end;
        end if;
        return next;
    end loop;
end;
$$;

-- Whether there is a course to be had, for figures that must not fail.
create or replace function listener.has_default_course()
returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return listener.default_course_id() is not null;
exception when assert_failure or others then
    return false;
end;
$$;

-- A single repair of counts at a time: two would apply a difference twice. Waits for no longer than `lock_timeout`, and
-- holds until the transaction is over. No advisory lock: any login could hold that lock, and no count would ever be
-- repaired.
create or replace function listener.repair_alone() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    lock table listener.installation in share update exclusive mode;
end;
$$;

-- Notes these profiles, a hundred in a note, to be handled like new sign-ups; the LMS's triggers can read `cause`.
-- Returns how many.
create or replace function listener.note_profiles(ids {{profile_key_type}}[], cause text) returns bigint
language sql set search_path = pg_catalog, pg_temp as $$
    with new_note as (
        insert into listener.change (source, operation, profile_ids)
        select 'profiles', cause, array_agg(profile.id)
        from unnest(ids) with ordinality as profile(id, place)
        group by (profile.place - 1) / 100
        returning cardinality(change.profile_ids) as profiles
    )

    select coalesce(sum(new_note.profiles), 0)::bigint
    from new_note
$$;
