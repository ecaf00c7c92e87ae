create table profiles (
    id bigint primary key generated always as identity,
    user_id uuid unique not null default gen_random_uuid(),
    email text
);
create table user_roles (
    user_id uuid not null references profiles (user_id) on delete cascade,
    role text not null default 'student',
    primary key (user_id, role)
);
create table courses (id bigint primary key generated always as identity, title text, total_students integer);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid not null references profiles (user_id) on delete cascade,
    course_id bigint not null references courses,
    status text not null default 'active',
    unique (user_id, course_id)
);
insert into courses (title) values ('only');
