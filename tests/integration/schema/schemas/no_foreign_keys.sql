create table profiles (
    username text primary key,
    role text default 'STUDENT'
);
create table courses (
    id integer primary key generated always as identity,
    approved boolean default true,
    members integer
);
create table course_members (
    username text not null,
    course_id integer not null,
    active boolean not null default false
);
insert into courses default values;
