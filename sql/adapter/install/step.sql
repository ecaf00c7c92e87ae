-- One bounded round of the daemon's work, for a school that has no place for a process: counts are moved, students are
-- enrolled, reactions that were installed run, what was set aside is tried again, and old notes are purged. The statements are the daemon's own, and so is the
-- fence: beside a daemon, or another step, each batch is handled once. While a daemon leads, a step does nothing.
create or replace function listener.step(
    most integer default 2000,
    retention interval default '1 hour',
    out leads boolean,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
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
    consumers text[] := array[{{consumers}}];
    each_consumer text;
    installed record;
    done record;
begin
    enrolled := 0;
    returned := 0;
    suspended := 0;
    removed := 0;
    pending := 0;
    moved := 0;
    parked := 0;
    purged := 0;
    notes_left := false;
    blind_notes := 0;
    -- What this transaction has noted itself is not yet among what a snapshot says is done: it would be handled twice.
    if pg_current_xact_id_if_assigned() is not null then
        raise active_sql_transaction using
            message = 'listener.step() must run in a transaction of its own, before anything is written in it',
            hint = 'Let pg_cron run "select * from listener.step()", or run it outside of a transaction.';
    end if;
    leads := pg_try_advisory_xact_lock({{lock_class}}, {{leader_lock}});
    if not leads then
        return;
    end if;
    -- So a daemon that stands by knows whom it stands by for.
    perform set_config('application_name', {{application_name}}, true);
    {{few_rows}}
    if not listener.is_bound() then
        perform listener.follow();
    end if;

    -- Counting comes first: what enrolling notes is for the next round, for the same reason.
    begin
        begin
            execute {{count_together}} into done using 'count', most, 0;
        exception when others then
            execute {{count_each}} into done using 'count', most, 0;
        end;
        moved := coalesce(done.moved, 0);
        parked := coalesce(done.parked, 0);
        notes_left := coalesce(done.notes_left, false);
        execute {{retry_count}} into done using 1000, 0;
        moved := moved + done.moved;
    exception when others then
        problem := concat_ws('; ', problem, 'count: ' || sqlerrm);
    end;

    -- One after the other, the one that has waited longest first. If one has led to notes, by what it wrote to the LMS's
    -- tables, the rest is for the next round, for the same reason.
    for installed in
        select reaction.name, reaction.text
        from listener.reaction
        order by
            (
                select checkpoint.at
                from listener.checkpoint
                where checkpoint.consumer = reaction.name
                order by checkpoint.seq desc
                limit 1
            ),
            reaction.name
    loop
        consumers := consumers || installed.name;
        if exists (select from listener.change where change.xid = pg_current_xact_id_if_assigned()) then
            notes_left := true;
            continue;
        end if;
        begin
            execute replace(installed.text, {{feed_mark}}, {{feed}}) into done using installed.name, least(most, 200);
            notes_left := notes_left or coalesce(done.notes_left, false);
        exception when others then
            problem := concat_ws('; ', problem, installed.name || ': ' || sqlerrm);
        end;
    end loop;

    begin
        begin
            execute {{enroll_together}} into done using 'enroll', most, 0;
        exception when others then
            execute {{enroll_each}} into done using 'enroll', least(most, 200), 0;
        end;
        enrolled := coalesce(done.enrolled, 0);
        returned := coalesce(done.returned, 0);
        suspended := coalesce(done.suspended, 0);
        removed := coalesce(done.removed, 0);
        pending := coalesce(done.pending, 0);
        notes_left := notes_left or coalesce(done.notes_left, false);
        execute {{retry_enroll}} into done using 200, 0;
        enrolled := enrolled + done.enrolled;
        returned := returned + done.returned;
        suspended := suspended + done.suspended;
        removed := removed + done.removed;
        if done.settled > 0 then
            perform listener.wake_waiting();
        end if;
    exception when others then
        problem := concat_ws('; ', problem, 'enroll: ' || sqlerrm);
    end;

    begin
        execute {{purge}} into done using consumers, '0', 1000, extract(epoch from retention)::float8;
        purged := done.notes;
        foreach each_consumer in array consumers loop
            execute {{purge_checkpoints}} using each_consumer, 0::bigint, 1000, extract(epoch from retention)::float8;
        end loop;
    exception when others then
        problem := concat_ws('; ', problem, 'purge: ' || sqlerrm);
    end;
    -- Whom a trigger could not read after a rename: `listener sync` finds them, and so does a daemon.
    blind_notes := (select count(*) from (select from listener.due_blind_note limit 1000) as due);
    -- Whatever was enrolled is to be counted.
    notes_left := notes_left or enrolled + returned + suspended + removed > 0;
end;
$$;
