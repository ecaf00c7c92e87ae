-- Triggers only take notes, with the owner's rights, so that a person who signs up needs no rights here. Code that
-- reads the LMS's columns stands in a separate block, which writes nothing: whatever a migration has made of the
-- columns, the sign-up goes on, and the note is taken blindly. The search_path names pg_temp, and last: left out,
-- pg_temp would come first, and a stranger's temporary type, named uuid or text, would have its checks run with the
-- owner's rights.
create or replace function listener.note_written_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    --: if has_profiles
    profiles {{profile_key_type}}[];
    --: end
    {{declare_keys}}
begin
    --: if sees_truncate
    if tg_op = 'TRUNCATE' then
        {{ledger_truncated}}
        {{note_everyone}}
        return null;
    end if;
    --: end
    --: if reads_rows
    begin
        {{able}}
        --: if has_profiles
        profiles := array(
            {{profiles_of_rows}}
        );
        --: end
        {{keys_of_rows}}
        {{ledger_of_rows}}
    exception when assert_failure or others then
        {{unreadable_rows}}
    end;
    --: end
    {{note_watched}}
    return null;
end;
$$;

-- A single row: an update, or any change of a partitioned table. An update is news if a column that the rule reads has
-- changed, byte for byte: to find that needs no operator. An unreadable row is news.
create or replace function listener.note_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    --: if has_profiles
    profiles {{profile_key_type}}[];
    --: end
    {{declare_keys}}
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
    --: if reads_rows
    begin
        {{able}}
        {{profiles_of_row}}
        {{keys_of_row}}
        {{ledger_of_row}}
    exception when assert_failure or others then
        {{unreadable_row}}
    end;
    --: end
    {{note_watched}}
    return null;
end;
$$;
