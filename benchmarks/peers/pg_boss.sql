-- pg-boss's docs (SQL, job table): a row in the job table, whose only required column is the queue's name.
create function enqueue() returns trigger language plpgsql as $$
begin
    insert into pgboss.job (name, data) values ('enroll', jsonb_build_object('student', new.id));
    return null;
end;
$$;
create trigger enqueue after insert on profiles for each row when (new.role = 'student') execute function enqueue();
