-- The printed number of the student, and the course's code, stand beside the real references.
create table users (
    id bigint primary key generated always as identity,
    role varchar(20) default 'user',
    number text unique default 'S' || floor(random() * 1e9)::text
);
create table courses (
    id bigint primary key generated always as identity,
    course_id text unique not null,
    price integer,
    enrollment_count bigint default 0
);
create table enrollments (
    id bigint primary key generated always as identity,
    student_id text not null,
    user_id bigint not null references users on delete cascade,
    enrolled_by bigint references users,
    course_id text,
    course bigint not null references courses on delete cascade,
    status text,
    unique (user_id, course)
);
create index on enrollments (user_id);
insert into courses (course_id, price) values ('MATH-1', 3), ('MATH-2', null);
