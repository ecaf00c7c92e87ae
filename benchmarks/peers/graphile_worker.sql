-- The trigger of graphile-worker's docs (adding jobs through SQL, simple trigger).
create function enqueue() returns trigger language plpgsql as $$
begin
    perform graphile_worker.add_job('enroll', json_build_object('student', new.id));
    return null;
end;
$$;
create trigger enqueue after insert on profiles for each row when (new.role = 'student') execute function enqueue();
