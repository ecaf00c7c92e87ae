-- Whether an enrollment may be made in the caller's transaction, whichever role calls: null if not, or else the keys on
-- enrollments that are checked at the end of a transaction, to be checked at once.
-- - A unique key says that there is one row of a pair: else this transaction and the daemon might make one each.
-- - A temporary table or type of the caller's would be found by what the LMS's triggers name and no schema has, and would run
--   the caller's code with the owner's rights.
-- - What is deferred runs, before Postgres 18, with the rights of the function that has it checked. So nothing is that anybody
--   else than the tables' owner might have deferred, or that is a trigger.
create or replace function listener.checked_now() returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return case
        when
            exists (
                select
                from pg_catalog.pg_index as index
                where
                    index.indrelid = {{enrollment_table_oid}}::oid
                    and index.indisunique
                    and index.indisvalid
                    and index.indimmediate
                    and index.indpred is null
                    and index.indexprs is null
                    and not exists (
                        select
                        from unnest(index.indkey::int2[]) with ordinality as part(attnum, place)
                        inner join pg_catalog.pg_attribute as attribute
                            on attribute.attrelid = index.indrelid and attribute.attnum = part.attnum
                        where
                            part.place <= index.indnkeyatts
                            and attribute.attname <> all (array[{{enrollment_pair_labels}}]::name[])
                    )
            )
            and not exists (
                select
                from pg_catalog.pg_type as temporary
                where
                    pg_my_temp_schema() <> 0
                    and temporary.typnamespace = pg_my_temp_schema()
                    and pg_get_userbyid(temporary.typowner) <> current_user
            )
            and not exists (
                select
                from pg_catalog.pg_constraint as checked
                left join pg_catalog.pg_constraint as namesake
                    on namesake.connamespace = checked.connamespace and namesake.conname = checked.conname
                left join pg_catalog.pg_class as class on class.oid = namesake.conrelid
                where
                    checked.conrelid = {{enrollment_table_oid}}::oid
                    and checked.condeferred
                    and (checked.contype = 't' or not coalesce(listener.is_trusted(class.relowner), false))
            )
        then coalesce(
            (
                select string_agg(format('%I.%I', namespace.nspname, checked.conname), ', ')
                from pg_catalog.pg_constraint as checked
                inner join pg_catalog.pg_namespace as namespace on namespace.oid = checked.connamespace
                where checked.conrelid = {{enrollment_table_oid}}::oid and checked.condeferred
            ),
            ''
        )
    end;
end;
$$;

-- Makes the enrollments that the rule wants of this profile, in the caller's own transaction: by the function that the daemon
-- calls, which finds it done when it handles what is noted. True: nothing is left to do. False: the daemon does it, or has set
-- it aside; nothing of it fails the caller's transaction, or lets it wait for longer than a moment. Null: there is no such
-- profile, or not yet, as in a trigger before its row is inserted.
--
-- Nothing is taken back here, no seat of a limited number is given, no count is moved, and nobody is set aside: each would lock
-- a row that others need, for as long as the caller's transaction lasts. (Settings: as the daemon's session has them.)
create or replace function listener.enroll_now(profile {{profile_key_type}}) returns boolean
language plpgsql strict security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' set client_min_messages = error
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set enable_material = off as $$
#variable_conflict use_variable
declare
    cause_of_caller constant text := coalesce(current_setting('listener.cause', true), '');
    may_write constant boolean := current_setting('transaction_read_only') = 'off';
    checked text;
    is_done boolean := false;
    is_there boolean := false;
    problem_context text;
begin
    --: if makes_enrollments
    if may_write and not exists (select from listener.pause where pause.consumer = 'enroll') then
        checked := listener.checked_now();
    end if;
    --: end
    for attempt in 1..2 loop
        exit when checked is null;
        begin
            select coalesce(bool_and(outcome.waits_for is null), true), count(*) > 0
            from listener.settle(
                array[profile],
                false,
                null,
                coalesce(
                    (
                        select
                            {{cause_of_note}}
                        from listener.change as note
                        where note.xid = pg_current_xact_id_if_assigned() and profile = any (note.profile_ids)
                        order by note.id desc
                        limit 1
                    ),
                    (
                        select waiting.cause
                        from listener.pending_enrollment as waiting
                        where waiting.profile_id = profile
                        limit 1
                    ),
                    --: if only_on_joining
                    'sign_up'
                    --: else
                    'change'
                    --: end
                ),
                checked
            ) as outcome
            where
                not outcome.may_go
                or listener.stays(outcome.profile_id, outcome.course_id, outcome.done)
            into is_done, is_there;
            exit;
        exception when assert_failure or query_canceled or others then
            get stacked diagnostics problem_context = pg_exception_context;
            -- A cancel is the caller's, unless a trigger of the LMS's has raised it.
            if sqlstate = '57014' and not listener.was_raised(problem_context) then
                raise;
            end if;
            is_done := false;
            -- The daemon enrolled the same profile at the same moment: the second look sees it.
            exit when sqlstate <> '23505';
        end;
    end loop;
    if set_config('listener.cause', cause_of_caller, true) is null then
        null;
    end if;
    -- The daemon handles the note that there is, or tries again by itself; or it is told here.
    begin
        if
            may_write
            -- All of a profile is tried again with whatever is. Who was set aside and is enrolled by now waits no more.
            and is_done = exists (
                select
                from listener.pending_enrollment as waiting
                where waiting.profile_id = profile and waiting.next_attempt_at < 'infinity'
            )
            and not exists (
                select
                from listener.change as note
                where note.xid = pg_current_xact_id_if_assigned() and profile = any (note.profile_ids)
            )
            and listener.profile_is_there(profile)
        then
            insert into listener.change (source, operation, profile_ids)
            values ('profiles', 'update', array[profile]);
            {{ring}}
        end if;
    exception when assert_failure or others then
        null;
    end;
    return case when is_there or listener.profile_is_there(profile) then is_done end;
end;
$$;

-- Whether everything noted for this profile is handled, as far as this server has it: false while something is, or may be, left
-- to do, or the profile is set aside; null if there is no such profile. It reads, and so it can be asked of a replica.
create or replace function listener.settled(profile {{profile_key_type}}) returns boolean
language plpgsql stable strict security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    if not listener.profile_is_there(profile) then
        return null;
    end if;
    return (
        select
            -- What leads to profiles by a route is not followed here, and of a long backlog only the beginning is read.
            count(*) < 10000
            and not coalesce(bool_or(profile = any (note.profile_ids) or note.route is not null), false)
            and not exists (select from listener.pending_enrollment as waiting where waiting.profile_id = profile)
            and not exists (select from listener.due_blind_note where due_blind_note.source = 'profiles')
        from listener.unhandled('enroll', 10000) as note
    );
end;
$$;
