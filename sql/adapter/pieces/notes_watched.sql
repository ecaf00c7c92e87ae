{{note_inserted_watched}}

{{note_deleted_watched}}

-- One row, whatever happened to it: an update that is news, or any change of a table that is partitioned.
create or replace function listener.note_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    profiles {{profile_key_type}}[];{{declare_keys}}
begin
    begin
        profiles := array(
            select distinct noted.id
            from (values {{profiles_of_row}}) as noted(id)
            where noted.id is not null
        );{{keys_of_row}}{{ledger_of_row}}
    exception when others then
        perform listener.note_blindly('profiles', lower(tg_op), sqlstate);
        return null;
    end;
    {{note_watched}}
    return null;
end;
$$;

-- The condition of an update's trigger: whether a column that the query reads was changed. Under the names that the query
-- has for them; what cannot be read is news. (Byte for byte: to find that needs no operator, which the search path of
-- whoever updates could make somebody else's.)
create or replace function listener.is_news_of_watched_{{watched}}(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable as $$
begin
    return not pg_catalog.record_image_eq(row({{watched_columns:new_row}}), row({{watched_columns:old_row}}));
exception when others then
    return true;
end;
$$;

create or replace function listener.note_truncated_watched_{{watched}}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin{{ledger_truncated}}
    perform listener.note_blindly('profiles', 'truncate', '00000');
    return null;
end;
$$;
