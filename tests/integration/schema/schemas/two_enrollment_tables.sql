create table profiles (id uuid primary key default gen_random_uuid(), role text default 'student');
create table courses (id uuid primary key default gen_random_uuid(), published boolean default true);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references profiles on delete cascade,
    course_id uuid references courses,
    unique (user_id, course_id)
);
create table course_enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references profiles on delete cascade,
    course_id uuid references courses,
    unique (user_id, course_id)
);
insert into courses default values;
