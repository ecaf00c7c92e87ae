-- Objects that a dump of Supabase's, or of an app with extensions, takes for granted, as far as a schema needs them.
-- Only in the trial's own server, and only while that runs.

-- name: owner
-- The schema's owner: no superuser, so that a stranger's script can run no program and read no file.
create role "postgres" login createdb createrole replication bypassrls;
alter role "postgres" set createrole_self_grant = 'set, inherit';
grant pg_monitor to "postgres";

-- name: roles
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin nologin noinherit;
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to "postgres" with admin option;
grant usage on schema public to anon, authenticated, service_role;

-- name: auth
create schema if not exists auth authorization supabase_auth_admin;
grant usage, create on schema auth to "postgres", anon, authenticated, service_role;
create table auth.users (
    instance_id uuid,
    id uuid primary key default gen_random_uuid(),
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    email_confirmed_at timestamptz,
    invited_at timestamptz,
    confirmation_token varchar(255),
    confirmation_sent_at timestamptz,
    recovery_token varchar(255),
    recovery_sent_at timestamptz,
    email_change_token_new varchar(255),
    email_change varchar(255),
    email_change_sent_at timestamptz,
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    phone text unique,
    phone_confirmed_at timestamptz,
    phone_change text,
    phone_change_token varchar(255),
    phone_change_sent_at timestamptz,
    confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
    email_change_token_current varchar(255),
    email_change_confirm_status smallint,
    banned_until timestamptz,
    reauthentication_token varchar(255),
    reauthentication_sent_at timestamptz,
    is_sso_user boolean not null default false,
    deleted_at timestamptz,
    is_anonymous boolean not null default false
);
create unique index users_email_partial_key on auth.users (email) where (is_sso_user = false);
alter table auth.users owner to supabase_auth_admin;
create table auth.identities (
    provider_id text not null,
    user_id uuid not null references auth.users on delete cascade,
    identity_data jsonb not null,
    provider text not null,
    last_sign_in_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    email text,
    id uuid primary key default gen_random_uuid()
);
alter table auth.identities owner to supabase_auth_admin;
grant all on auth.users, auth.identities to "postgres";
create function auth.uid() returns uuid language sql stable set search_path = pg_catalog, pg_temp
as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
create function auth.jwt() returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
create function auth.role() returns text language sql stable set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
create function auth.email() returns text language sql stable set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' $$;

-- name: storage
create schema if not exists storage authorization "postgres";
create table storage.buckets (
    id text primary key,
    name text not null unique,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text [],
    owner_id text
);
create table storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text references storage.buckets,
    name text,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text [] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb
);
alter table storage.objects enable row level security;
alter table storage.buckets owner to "postgres";
alter table storage.objects owner to "postgres";
create function storage.foldername(name text) returns text [] language sql set search_path = pg_catalog, pg_temp
as $$ select trim_array(string_to_array(name, '/'), 1) $$;
create function storage.filename(name text) returns text language sql set search_path = pg_catalog, pg_temp
as $$ select split_part(name, '/', -1) $$;
create function storage.extension(name text) returns text language sql set search_path = pg_catalog, pg_temp
as $$ select split_part(name, '.', -1) $$;

-- name: realtime
create schema if not exists realtime authorization "postgres";
create table realtime.messages (
    id uuid primary key default gen_random_uuid(),
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false
);
alter table realtime.messages owner to "postgres";
create function realtime.topic() returns text language sql stable set search_path = pg_catalog, pg_temp
as $$ select current_setting('realtime.topic', true) $$;

-- name: extensions
create schema if not exists extensions authorization "postgres";
grant usage on schema extensions to public;

-- name: uuid_ossp
create function {{schema}}.uuid_generate_v1() returns uuid language sql set search_path = pg_catalog, pg_temp
as $$ select gen_random_uuid() $$;
create function {{schema}}.uuid_generate_v1mc() returns uuid language sql set search_path = pg_catalog, pg_temp
as $$ select gen_random_uuid() $$;
create function {{schema}}.uuid_generate_v4() returns uuid language sql set search_path = pg_catalog, pg_temp
as $$ select gen_random_uuid() $$;
create function {{schema}}.uuid_generate_v5(namespace uuid, name text) returns uuid
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select md5(namespace::text || name)::uuid $$;
create function {{schema}}.uuid_nil() returns uuid language sql immutable set search_path = pg_catalog, pg_temp
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;

-- name: pgcrypto
create function {{schema}}.gen_random_bytes(size integer) returns bytea
language sql set search_path = pg_catalog, pg_temp
as $$ select substr(sha512(gen_random_uuid()::text::bytea) || sha512(gen_random_uuid()::text::bytea), 1, size) $$;
create function {{schema}}.gen_salt(kind text, rounds integer default 0) returns text
language sql set search_path = pg_catalog, pg_temp
as $$ select gen_random_uuid()::text $$;
create function {{schema}}.crypt(password text, salt text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select md5(password || salt) $$;
create function {{schema}}.digest(data text, kind text) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select sha256(data::bytea) $$;
create function {{schema}}.digest(data bytea, kind text) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select sha256(data) $$;
create function {{schema}}.hmac(data text, key text, kind text) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp
as $$ select sha256((key || data)::bytea) $$;

-- name: unaccent
create function {{schema}}.unaccent(text) returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$ select $1 $$;

-- name: type
create domain {{schema}}.{{type}} as text;
