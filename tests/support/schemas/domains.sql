-- Types of the LMS's own for everything that is mapped.
create domain person_id as uuid;
create domain course_id as integer check (value > 0);
create domain role_name as text;
create domain moment as timestamptz;
create domain head_count as integer;
create table profiles (id person_id primary key default gen_random_uuid(), role role_name);
create table courses (
    id course_id primary key,
    price numeric,
    enrollments head_count default 0
);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id person_id references profiles on delete cascade,
    course_id course_id references courses on delete cascade,
    status role_name not null default 'active',
    enrolled_at moment default now(),
    unique (user_id, course_id)
);
