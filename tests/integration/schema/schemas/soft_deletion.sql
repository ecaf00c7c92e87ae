create domain role_name as text check (value in ('student', 'admin'));
create table profiles (
    id uuid primary key default gen_random_uuid(),
    role role_name default 'admin',
    is_active boolean default true,
    is_suspended boolean,
    approval_status text default 'pending' check (approval_status in ('pending', 'approved')),
    deleted_at timestamptz
);
create table courses (
    id uuid primary key default gen_random_uuid(),
    is_published boolean default true,
    deleted_at timestamptz,
    enrolled_students integer default 0
);
create table enrollments (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references profiles on delete cascade,
    course_id uuid references courses,
    status text default 'active',
    is_counted boolean generated always as (status = 'active') stored,
    unique (user_id, course_id)
);
insert into courses (deleted_at) values (now()), (null);
