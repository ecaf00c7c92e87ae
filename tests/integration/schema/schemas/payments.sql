create type payment_state as enum ('pending', 'completed', 'refunded');
create table profiles (
    id uuid primary key default gen_random_uuid(),
    role text default 'student'
);
create table courses (
    id bigint primary key generated always as identity,
    active boolean not null default true,
    enrolledcount integer default 0
);
create table course_applications (
    id uuid primary key default gen_random_uuid(),
    profile_id uuid references profiles on delete cascade,
    course_id bigint references courses on delete cascade,
    payment_status payment_state,
    created_at timestamptz not null
);
insert into courses default values;
