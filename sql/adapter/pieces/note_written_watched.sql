create or replace function listener.note_{{rows}}_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    profiles {{profile_key_type}}[];{{declare_keys}}
begin
    begin
        profiles := array(
            {{profiles_of_rows}}
        );{{keys_of_rows}}{{ledger_of_rows}}
    exception when others then
        perform listener.note_blindly('profiles', lower(tg_op), sqlstate);
        return null;
    end;
    {{note_watched}}
    return null;
end;
$$;
