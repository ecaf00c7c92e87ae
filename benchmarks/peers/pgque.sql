-- PgQue's docs (tutorial; function reference, publishing): a queue, a consumer, and an event of text, the fast path.
select pgque.create_queue('sign_ups');
select pgque.subscribe('sign_ups', 'enroll');
create function enqueue() returns trigger language plpgsql as $$
begin
    perform pgque.send('sign_ups', 'student', new.id::text);
    return null;
end;
$$;
create trigger enqueue after insert on profiles for each row when (new.role = 'student') execute function enqueue();
