-- Triggers only take notes, with their owner's rights, so that a person who signs up needs none here. What reads the LMS's
-- columns stands in a block of its own, which writes nothing: whatever a migration has made of the columns, the
-- sign-up goes on, and the note is taken blindly. In their search_path pg_temp is named, and last: left out it would
-- come first, and a temporary type of somebody's own, named uuid or text, would have its checks run with the owner's
-- rights.
create or replace function listener.note_written_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    profiles {{profile_key_type}}[];{{declare_keys}}
begin
    if tg_op = 'TRUNCATE' then{{ledger_truncated}}
        perform listener.note_blindly('profiles', 'truncate', '00000');
        return null;
    end if;
    begin
        profiles := array(
            {{profiles_of_rows}}
        );{{keys_of_rows}}{{ledger_of_rows}}
    exception when assert_failure or others then
        {{unreadable_rows}}
    end;
    {{note_watched}}
    return null;
end;
$$;

-- One row, whatever happened to it: an update, or any change of a table that is partitioned. An update is news if it
-- changes a column that the rule reads, byte for byte: to find that needs no operator. What cannot be read is news.
create or replace function listener.note_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    profiles {{profile_key_type}}[];{{declare_keys}}
begin
    if tg_op = 'UPDATE' then
        begin
            if {{untouched}} then
                return null;
            end if;
        exception when assert_failure or others then
            null;
        end;
    end if;
    begin
        {{profiles_of_row}}{{keys_of_row}}{{ledger_of_row}}
    exception when assert_failure or others then
        {{unreadable_row}}
    end;
    {{note_watched}}
    return null;
end;
$$;
