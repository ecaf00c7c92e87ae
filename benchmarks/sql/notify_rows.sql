-- A JSON payload for every row: what listeners are usually shown with.
create function tell() returns trigger language plpgsql as $$
begin
    perform pg_notify('signups', json_build_object('id', new.id, 'role', new.role)::text);
    return null;
end;
$$;
create trigger tell after insert on profiles for each row when (new.role = 'student') execute function tell();
