create table profiles (id integer primary key, role text check (role in ('student', 'teacher'))) partition by range (id);
create table profiles_low partition of profiles for values from (0) to (1000);
create table profiles_high partition of profiles for values from (1000) to (2000);
create table courses (id integer primary key, enrollments integer default 0);
create table enrollments (
    user_id integer not null references profiles on delete cascade,
    course_id integer not null references courses,
    status text not null default 'active',
    primary key (user_id, course_id)
) partition by hash (user_id);
create table enrollments_0 partition of enrollments for values with (modulus 2, remainder 0);
create table enrollments_1 partition of enrollments for values with (modulus 2, remainder 1);
insert into courses values (1);
