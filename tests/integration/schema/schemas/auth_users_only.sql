create schema auth;
create table auth.users (id uuid primary key default gen_random_uuid(), email text);
create type app_role as enum ('admin', 'moderator', 'user');
create table user_roles (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users on delete cascade,
    role app_role not null,
    unique (user_id, role)
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    title text,
    is_active boolean not null default true,
    students_count integer not null default 0
);
create table course_enrollments (
    user_id uuid references auth.users on delete cascade,
    course_id uuid references courses on delete cascade,
    enrolled_at timestamptz default now(),
    primary key (user_id, course_id)
);
insert into courses default values;
