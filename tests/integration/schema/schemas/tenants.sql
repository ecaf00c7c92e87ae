create table orgs (id integer primary key);
create table profiles (
    id uuid primary key default gen_random_uuid(),
    org_id integer not null references orgs,
    role text
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    org_id integer references orgs,
    status text default 'published',
    enrollment_count integer default 0
);
create table enrollments (
    id uuid primary key default gen_random_uuid(),
    org_id integer not null references orgs,
    user_id uuid not null references profiles on delete cascade,
    course_id uuid not null references courses,
    status text default 'active',
    source text not null,
    unique (user_id, course_id, org_id)
);
insert into orgs values (1), (2);
insert into courses (org_id) values (1);
insert into courses (id, org_id) values ('00000000-0000-4000-8000-000000000000', 2);
