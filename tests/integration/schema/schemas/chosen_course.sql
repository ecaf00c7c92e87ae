-- No price, many courses: the one that new students land in has to be named. Counts are of all enrollments.
create table profiles (id uuid primary key default gen_random_uuid(), role text);
create table courses (slug text primary key, position integer, student_count integer default 0);
create table enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references profiles on delete cascade,
    course_slug text references courses on update cascade,
    status text not null default 'active',
    unique (user_id, course_slug)
);
insert into courses (slug, position) values ('advanced', 3), ('begin-here', 2), ('other', 1);
