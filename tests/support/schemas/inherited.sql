-- Tables with children, as object-relational mappers make them; rows live in both.
create table profiles (id uuid primary key default gen_random_uuid(), role text);
create table teachers (subject text) inherits (profiles);
create table courses (id integer primary key, enrollments integer default 0);
create table enrollments (
    user_id uuid not null,
    course_id integer not null references courses,
    status text not null default 'active',
    unique (user_id, course_id)
);
create table old_enrollments () inherits (enrollments);
insert into teachers (role) values ('teacher');
