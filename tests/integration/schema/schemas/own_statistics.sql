-- The LMS has a view and a function of the names that install would add: they stay as they are.
create table profiles (id uuid primary key default gen_random_uuid(), role text default 'student');
create table courses (id uuid primary key default gen_random_uuid(), students integer not null default 0);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references profiles on delete cascade,
    course_id uuid references courses,
    status boolean not null default true,
    unique (course_id, user_id)
);
create view profile_enrollment_sync_status as select id from profiles;
create function get_enrollment_statistics() returns integer language sql as 'select 1';
insert into courses default values;
