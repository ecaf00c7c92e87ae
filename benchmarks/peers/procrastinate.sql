-- Deferring from SQL: the function that procrastinate's own defer calls.
create function enqueue() returns trigger language plpgsql as $$
begin
    perform procrastinate_defer_jobs_v1(
        array[
            row('default', 'enroll', 0, null, null, jsonb_build_object('student', new.id), null)
        ]::procrastinate_job_to_defer_v1[]
    );
    return null;
end;
$$;
create trigger enqueue after insert on profiles for each row when (new.role = 'student') execute function enqueue();
