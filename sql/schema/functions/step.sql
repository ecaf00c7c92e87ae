-- One bounded round of the daemon's work, for a school without a place for a process: counts are moved, students are
-- enrolled, installed reactions run, set-aside work is tried again, and old notes are purged. A step calls the daemon's
-- functions, and so has the same fence: beside a daemon, or another step, each batch is handled once. While a daemon
-- leads, a step does nothing.
create or replace function listener.step(
    most integer default 2000,
    retention interval default '1 hour',
    out leads boolean,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out held bigint,
    out pending bigint,
    out moved bigint,
    out parked bigint,
    out purged bigint,
    out notes_left boolean,
    out blind_notes bigint,
    out problem text
)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    each_consumer text;
    installed record;
    done record;
begin
    select 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false
    into enrolled, returned, suspended, removed, held, pending, moved, parked, purged, blind_notes, notes_left;
    -- The locks that a step takes, on courses, and the leader's, are to end with the step.
    if pg_current_xact_id_if_assigned() is not null then
        raise active_sql_transaction using
            message = 'listener.step() must run in a transaction of its own, before anything is written in it',
            hint = 'Let pg_cron run "select * from listener.step()", or run it outside of a transaction.';
    end if;
    leads := listener.lead(false) is not null;
    if not leads then
        return;
    end if;
    -- So a standby knows that a leader is at work.
    perform set_config('application_name', 'listener', true);
    {{few_rows}}
    if not listener.is_bound() then
        perform listener.follow();
    end if;

    --: if counts_made
    -- A daemon's audit keeps this up to date.
    begin
        if exists (
            select
            from listener.brake
            where
                brake.percent is not null
                and brake.counted_at < now() - case listener.count_held('leaving', 1) when 0 then interval '1 day' else interval '10 minutes' end
        ) then
            perform listener.count_made();
        end if;
    exception when assert_failure or others then
        problem := 'brake: ' || listener.error_text(null, sqlerrm);
    end;

    --: end
    -- Notes that a step takes, by writing to the LMS's tables, are for the next step: no batch holds notes of its own
    -- transaction, and no checkpoint calls such notes handled.
    begin
        begin
            done := listener.count(most);
        exception when assert_failure or others then
            done := listener.count(most, singly => true);
        end;
        moved := coalesce(done.moved, 0);
        parked := coalesce(done.parked, 0);
        notes_left := coalesce(done.notes_left, false);
        if notes_left then
            begin
                done := listener.count(least(most, 500), fresh => true);
            exception when assert_failure or others then
                done := listener.count(least(most, 200), singly => true, fresh => true);
            end;
            moved := moved + coalesce(done.moved, 0);
            parked := parked + coalesce(done.parked, 0);
        end if;
        done := listener.retry_count(1000);
        moved := moved + done.moved;
    exception when assert_failure or others then
        problem := concat_ws('; ', problem, 'count: ' || listener.error_text(null, sqlerrm));
    end;

    -- Reactions in turn, the longest waiting first.
    for installed in
        select reaction.name, reaction.text
        from listener.reaction
        order by
            (select last_checkpoint.at from listener.last_checkpoint where last_checkpoint.consumer = reaction.name),
            reaction.name
    loop
        begin
            execute replace(installed.text, {{feed_mark}}, {{feed}}) into done using installed.name, least(most, 200);
            notes_left := notes_left or coalesce(done.notes_left, false);
        exception when assert_failure or others then
            problem := concat_ws('; ', problem, installed.name || ': ' || listener.error_text(null, sqlerrm));
        end;
    end loop;

    begin
        begin
            done := listener.enroll(most);
        exception when assert_failure or others then
            done := listener.enroll(least(most, 200), singly => true);
        end;
        enrolled := coalesce(done.enrolled, 0);
        returned := coalesce(done.returned, 0);
        suspended := coalesce(done.suspended, 0);
        removed := coalesce(done.removed, 0);
        held := coalesce(done.held, 0);
        pending := coalesce(done.pending, 0);
        notes_left := notes_left or coalesce(done.notes_left, false);
        if done.notes_left then
            begin
                done := listener.enroll(least(most, 500), fresh => true);
            exception when assert_failure or others then
                done := listener.enroll(least(most, 200), singly => true, fresh => true);
            end;
            enrolled := enrolled + coalesce(done.enrolled, 0);
            returned := returned + coalesce(done.returned, 0);
            suspended := suspended + coalesce(done.suspended, 0);
            removed := removed + coalesce(done.removed, 0);
            held := held + coalesce(done.held, 0);
            pending := pending + coalesce(done.pending, 0);
        end if;
        done := listener.retry_enroll(200, singly => true);
        enrolled := enrolled + done.enrolled;
        returned := returned + done.returned;
        suspended := suspended + done.suspended;
        removed := removed + done.removed;
        held := held + done.held;
    exception when assert_failure or others then
        problem := concat_ws('; ', problem, 'enroll: ' || listener.error_text(null, sqlerrm));
    end;

    begin
        done := listener.purge('0', 1000, extract(epoch from retention)::float8);
        purged := done.notes;
        for each_consumer in
            select unnest(array['enroll', 'count'])
            union all
            select reaction.name from listener.reaction
        loop
            perform listener.purge_checkpoints(each_consumer, 0, 1000, extract(epoch from retention)::float8);
        end loop;
        perform listener.purge_history(0, 1000);
    exception when assert_failure or others then
        problem := concat_ws('; ', problem, 'purge: ' || listener.error_text(null, sqlerrm));
    end;
    -- Profiles that a trigger could not read after a rename: `listener sync` finds them, and so does a daemon.
    blind_notes := (select count(*) from (select from listener.due_blind_note limit 1000) as due);
    -- New enrollments are to be counted, for example.
    notes_left := notes_left or exists (select from listener.change where change.xid = pg_current_xact_id_if_assigned());
end;
$$;
