-- Tells the listeners of each enrollment, in the transaction that makes it.
create function tell() returns trigger language plpgsql as $$
begin
    perform pg_notify('enrolled', made.user_id::text) from made;
    return null;
end;
$$;

create trigger tell after insert on enrollments referencing new table as made for each statement execute function tell();
