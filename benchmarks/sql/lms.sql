-- The plain LMS that every variant works on.
create table profiles (
    id uuid primary key default gen_random_uuid(),
    email text,
    role text default 'student',
    full_name text,
    last_seen timestamptz
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    price numeric,
    published boolean not null default true,
    created_at timestamptz not null default now(),
    enrollments integer not null default 0,
    students integer not null default 0
);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid not null references profiles on delete cascade,
    course_id uuid not null references courses on delete cascade,
    status text not null default 'active',
    unique (user_id, course_id)
);
insert into courses (id, title, price)
values ('00000000-0000-0000-0000-000000000001', 'Default', 0), (gen_random_uuid(), 'Other', 10);
