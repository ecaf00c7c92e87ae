-- Called by the triggers when a profile or a course (`whose`) gets another key: what is kept of it goes along, as nothing of ours
-- refers to the LMS's tables. What was kept under the new key was about somebody else; only the history stays. Rows that the
-- daemon holds at this moment are passed over: nobody waits for it.
create or replace function listener.follow_key(whose text, old_key anyelement, new_key anyelement) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    kept_in text;
    of_a_key constant text := 'with of_a_key as (select ctid from listener.%1$I where %2$I = $1 for update skip locked) ';
begin
    foreach kept_in in array array['made_enrollment', 'pending_enrollment', 'waiting', 'history'] loop
        if kept_in <> 'history' then
            execute format(
                of_a_key || 'delete from listener.%1$I where ctid = any (array(select of_a_key.ctid from of_a_key))',
                kept_in, whose || '_id'
            )
            using new_key;
        end if;
        execute format(
            of_a_key || 'update listener.%1$I set %2$I = $2 where ctid = any (array(select of_a_key.ctid from of_a_key))',
            kept_in, whose || '_id'
        )
        using old_key, new_key;
    end loop;
end;
$$;

-- Around an UPDATE of profiles that are partitioned: one that moves to another partition is deleted there, and inserted here.
create or replace function listener.note_moving() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('listener.moving', case when tg_when = 'BEFORE' then 'on' else '' end, true);
    perform set_config('listener.moved_from', '', true);
    return null;
end;
$$;
