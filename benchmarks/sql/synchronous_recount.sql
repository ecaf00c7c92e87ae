-- The same, with a recount instead of an increment.
create function enroll_now() returns trigger language plpgsql as $$
begin
    insert into enrollments (user_id, course_id) values (new.id, '00000000-0000-0000-0000-000000000001');
    return null;
end;
$$;
create function count_now() returns trigger language plpgsql as $$
declare
    active integer := (
        select count(*) from enrollments where course_id = new.course_id and status = 'active'
    );
begin
    update courses set enrollments = active, students = active where id = new.course_id;
    return null;
end;
$$;
create index on enrollments (course_id) where status = 'active';
create trigger enroll_now after insert on profiles for each row when (new.role = 'student') execute function enroll_now();
create trigger count_now after insert on enrollments for each row when (new.status = 'active')
execute function count_now();
