-- The enqueue function of pgqueuer's docs (integrations, PostgREST), called from a trigger: the job and its log line.
create function enqueue() returns trigger language plpgsql as $$
declare
    job bigint;
begin
    insert into pgqueuer (priority, entrypoint, payload, execute_after, status)
    values (0, 'enroll', convert_to(new.id::text, 'UTF8'), now(), 'queued')
    returning id into job;
    insert into pgqueuer_log (job_id, status, entrypoint, priority) values (job, 'queued', 'enroll', 0);
    return null;
end;
$$;
create trigger enqueue after insert on profiles for each row when (new.role = 'student') execute function enqueue();
