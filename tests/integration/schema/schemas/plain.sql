create table profiles (
    id uuid primary key default gen_random_uuid(),
    email text,
    role text check (role in ('student', 'teacher', 'admin'))
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    title text,
    price numeric,
    status text not null default 'published',
    enrollments integer not null default 0,
    students integer not null default 0,
    created_at timestamptz not null default now()
);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references profiles on delete cascade,
    course_id uuid references courses on delete cascade,
    status text not null default 'active',
    unique (user_id, course_id)
);
create table enrollment_history (
    user_id uuid references profiles,
    course_id uuid references courses,
    status text
);
insert into courses (title, price) values ('dear', 90), ('cheap', 10);
