-- What people bring: hand-made triggers, a count that nobody believes, a foreign key to the wrong table.
create schema auth;
create table auth.users (id uuid primary key, email text);
create table profiles (
    id uuid primary key references auth.users on delete cascade,
    email text,
    role text
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    price numeric,
    status text not null default 'published',
    enrollments integer default 0,
    students integer default 0
);
create table enrollments (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references auth.users,
    course_id uuid references courses on delete cascade,
    status text default 'active',
    enrolled_at timestamptz default now()
);
insert into auth.users
select ('00000000-0000-0000-0000-00000000000' || number)::uuid, number || '@example.com'
from generate_series(1, 8) as number;
insert into profiles
select id, email, case when email like '8%' then 'admin' else 'student' end from auth.users;
insert into courses (title, price, enrollments, students) values ('the course', 0, 1587, 1587);
insert into enrollments (user_id, course_id)
select profiles.id, courses.id from profiles, courses where email < '4';

create function recount() returns trigger language plpgsql as $$
begin
    -- every time, all of it
    update public.courses
    set enrollments = (select count(*) from enrollments where course_id = courses.id and status = 'active'),
        students = (select count(*) from enrollments where course_id = courses.id and status = 'active')
    where id = coalesce(new.course_id, old.course_id);
    return null;
end;
$$;
create trigger update_course_counts after insert or delete on enrollments
for each row execute function recount();

create function pick_course() returns uuid language sql as 'select id from courses order by price limit 1';
create function enroll_now(person uuid) returns void language plpgsql as $$
begin
    insert into enrollments (user_id, course_id) values (person, pick_course());
end;
$$;
create function welcome() returns trigger language plpgsql as $$
begin
    perform enroll_now(new.id);
    return new;
end;
$$;
create trigger on_profile after insert on profiles
for each row when (new.role = 'student') execute function welcome();

-- Decoys: named for it, but they do other things.
create function enroll_student() returns trigger language plpgsql as $$
begin
    new.email := lower(new.email); -- insert into enrollments values (1)
    return new;
end;
$$;
create trigger auto_enroll before insert on profiles for each row execute function enroll_student();
