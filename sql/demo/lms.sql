-- The sample LMS, in a common state: students without a course, and a count that nobody believes.
create table profiles (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    role text,
    full_name text,
    created_at timestamptz not null default now()
);

create table subscriptions (
    profile_id uuid primary key references profiles on delete cascade,
    plan text not null
);

create table courses (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    plan text not null default 'free',
    price numeric(10, 2) not null default 0,
    enrollments integer not null default 0,
    students integer not null default 0,
    created_at timestamptz not null default now()
);

create table enrollments (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references profiles on delete cascade,
    course_id uuid not null references courses on delete cascade,
    status text not null default 'active',
    created_at timestamptz not null default now(),
    unique (user_id, course_id)
);

create index on enrollments (course_id);

insert into courses (title, plan, price, enrollments, students)
values
    ('Getting started', 'free', 0, 1587, 1587),
    ('Masterclass', 'gold', 49, 0, 0);

insert into profiles (email, role, full_name)
values
    ('ada@example.com', 'student', 'Ada'),
    ('alan@example.com', 'student', 'Alan'),
    ('barbara@example.com', 'student', 'Barbara'),
    ('edsger@example.com', 'student', 'Edsger'),
    ('frances@example.com', 'student', 'Frances'),
    ('grace@example.com', 'student', 'Grace'),
    ('ken@example.com', 'student', 'Ken'),
    ('admin@example.com', 'admin', 'Admin');

insert into subscriptions (profile_id, plan)
select
    profiles.id,
    'gold'
from profiles
where profiles.full_name in ('Ada', 'Frances');

insert into enrollments (user_id, course_id)
select
    profiles.id,
    courses.id
from profiles
cross join courses
where profiles.full_name in ('Ada', 'Grace', 'Ken') and courses.plan = 'free';
