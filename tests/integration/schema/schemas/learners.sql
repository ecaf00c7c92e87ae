create table users (
    id integer primary key generated always as identity,
    user_type varchar(16) not null default 'guest' check (user_type in ('guest', 'learner', 'staff'))
);
create table courses (
    id integer primary key generated always as identity,
    price_ils numeric(10, 2),
    status varchar(16) not null default 'approved',
    enrolled_count integer
);
create table enrollments (
    student_id integer not null references users on delete cascade,
    course_id integer not null references courses on delete cascade,
    status varchar(16) not null default 'pending' check (status in ('pending', 'enrolled', 'withdrawn')),
    primary key (course_id, student_id)
);
insert into courses (price_ils) values (null), (12.50);
