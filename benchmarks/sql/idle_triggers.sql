-- As many triggers as ours on profiles, for the same events and with a condition of the same form, that do nothing.
create function is_nothing(old_row anyelement, new_row anyelement) returns boolean language plpgsql stable as $$
begin
    return false;
end;
$$;
create function do_nothing() returns trigger language plpgsql as $$
begin
    return null;
end;
$$;
create trigger idle_insert after insert on profiles
referencing new table as inserted
for each statement execute function do_nothing();
create trigger idle_update after update on profiles
for each row
when (is_nothing(old.*, new.*))
execute function do_nothing();
