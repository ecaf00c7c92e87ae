create schema auth;
create table auth.users (id uuid primary key, email text);
create function auth.uid() returns uuid language sql stable
    as $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
grant usage on schema auth to anon, authenticated;
grant usage on schema public to anon, authenticated;
alter default privileges in schema public grant all on tables to anon, authenticated;
alter default privileges in schema public grant all on functions to anon, authenticated;
alter default privileges grant all on tables to anon, authenticated;
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    full_name text,
    role text not null default 'student' check (role in ('student', 'teacher', 'admin'))
);
create table public.courses (
    id uuid primary key default gen_random_uuid(),
    is_published boolean default false,
    price_cents integer,
    total_enrollments integer default 0,
    student_count integer,
    created_at timestamptz default now()
);
create table public.enrollments (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users on delete cascade,
    course_id uuid not null references public.courses on delete cascade,
    status text default 'active' check (status in ('active', 'completed', 'cancelled')),
    enrolled_at timestamptz default now(),
    unique (user_id, course_id)
);
alter table public.profiles enable row level security;
alter table public.courses enable row level security;
alter table public.enrollments enable row level security;
create policy own on public.profiles to authenticated using (id = auth.uid()) with check (id = auth.uid());
create policy own on public.enrollments for select to authenticated using (user_id = auth.uid());
insert into public.courses (is_published, price_cents) values (false, 1), (true, 100), (true, null);
