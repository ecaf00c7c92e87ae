-- A school as people build them there, run by `postgres`: a sign-up is a row that Supabase's own service puts into
-- `auth.users`, and a trigger makes the profile.

create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    full_name text,
    role text not null default 'student' check (role in ('student', 'teacher', 'admin'))
);

create table public.courses (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    is_published boolean not null default false,
    price_cents integer not null default 0,
    total_enrollments integer not null default 0,
    created_at timestamptz not null default now()
);

create table public.enrollments (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles on delete cascade,
    course_id uuid not null references public.courses on delete cascade,
    status text not null default 'active' check (status in ('active', 'completed', 'cancelled')),
    enrolled_at timestamptz not null default now(),
    unique (user_id, course_id)
);

alter table public.profiles enable row level security;
alter table public.courses enable row level security;
alter table public.enrollments enable row level security;

create policy own on public.profiles to authenticated
using (id = auth.uid()) with check (id = auth.uid());
create policy published on public.courses for select to anon, authenticated
using (is_published);
create policy own on public.enrollments for select to authenticated
using (user_id = auth.uid());

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, full_name) values (new.id, new.raw_user_meta_data ->> 'full_name');
    return new;
end
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();

insert into public.courses (title, is_published, price_cents) values ('Welcome', true, 0), ('Draft', false, 0);
insert into auth.users (email) values ('one@example.com'), ('two@example.com');
