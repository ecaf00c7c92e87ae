create table users (id bigint primary key generated always as identity, name text);
create table courses (id bigint primary key generated always as identity, price numeric);
create table registrations (
    id bigint primary key generated always as identity,
    user_id bigint not null references users on delete cascade,
    course_id bigint not null references courses on delete cascade,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (user_id, course_id)
);
insert into courses (price) values (10), (5);
