create schema school;
create type school.role as enum ('owner', 'studant');
create table school.profiles (id uuid primary key default gen_random_uuid(), role school.role);
create table school.courses (id uuid primary key default gen_random_uuid(), total_enrollments integer not null default 0);
create table school.enrollments (
    user_id uuid references school.profiles on delete cascade,
    course_id uuid references school.courses,
    access_status text not null default 'active',
    unique (user_id, course_id)
);
insert into school.courses default values;
