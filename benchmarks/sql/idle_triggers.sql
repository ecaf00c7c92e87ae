-- As many triggers as ours on profiles, for the same events, that do nothing.
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
execute function do_nothing();
