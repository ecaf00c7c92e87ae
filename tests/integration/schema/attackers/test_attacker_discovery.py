"""Somebody owns a schema with tables that look more like an LMS's than the LMS's: they are not taken for it."""

from collections.abc import Callable

import pytest

from tests.support.mallory import TAKE, Mallory
from tests.support.process import DaemonProcess

SCHOOL = """
create table public.users (id uuid primary key default gen_random_uuid(), role text);
create table public.courses (
    id uuid primary key default gen_random_uuid(), title text, members integer not null default 0
);
create table public.course_members (
    id bigint primary key generated always as identity,
    user_id uuid references public.users,
    course_id uuid references public.courses,
    status text not null default 'active' check (status in ('active', 'left'))
);
insert into public.courses (title) values ('a');
insert into public.users (role) values ('student'), ('teacher');
"""

LOOK_ALIKE = f"""
create schema mallory;
create table mallory.profiles (
    id uuid primary key default gen_random_uuid(), role text check (role in ('student', 'no'))
);
create table mallory.courses (
    id uuid primary key default gen_random_uuid(), title text, enrollments integer not null default 0,
    status text not null default 'published' check (status in ('published', 'draft'))
);
create table mallory.enrollments (
    id bigint primary key generated always as identity,
    user_id uuid not null references mallory.profiles,
    course_id uuid not null references mallory.courses,
    status text not null default 'active' check (status in ('active', 'left')),
    unique (user_id, course_id)
);
insert into mallory.courses (title) values ('mine');
insert into mallory.profiles (role) values ('student');
create function mallory.take() returns trigger language plpgsql as $$
begin {TAKE.format(what="trigger")} return new; end $$;
create trigger take before insert on mallory.enrollments for each row execute function mallory.take();
grant usage on schema mallory to public;
grant all on all tables in schema mallory to public;
"""


@pytest.fixture
def school(empty_handed: Mallory) -> Mallory:
    """An LMS of the role `school`, in which a role `mallory` may make schemas."""
    name = empty_handed.database.name
    empty_handed.as_superuser(
        f"grant create on database {name} to mallory, school; grant create on schema public to school;"
        f"set role school; {SCHOOL}"
    )
    return empty_handed


def test_the_installer_s_own_tables_are_looked_at_and_no_others(school: Mallory) -> None:
    school.does(LOOK_ALIKE)
    planned = school.run("install", "--plan", role="school")
    assert planned.returncode == 0, planned.stderr
    assert "public.course_members" in planned.stdout
    assert "mallory" not in planned.stdout
    assert "owner" in planned.stdout
    school.run("install", role="school")
    school.run("sync", role="school")
    assert school.as_superuser("select count(*) from public.course_members").strip() == "1"
    assert school.loot == []


def test_a_superuser_is_asked_whose_tables_are_meant(school: Mallory) -> None:
    school.does(LOOK_ALIKE)
    for command in (("install",), ("install", "--plan"), ("install", "--print"), ("diagnose",)):
        asked = school.run(*command)
        assert asked.returncode == 2
        assert len(asked.stderr.splitlines()) == 1
        for part in ("mallory.enrollments", "public.course_members", "Set LISTENER_ENROLLMENT_TABLE"):
            assert part in asked.stderr
    assert school.loot == []
    told = school.run("install", "--plan", enrollment_table="public.course_members")
    assert "public.course_members" in told.stdout
    assert "mallory" not in told.stdout


def test_an_installation_is_not_pointed_at_other_tables(
    school: Mallory, start_daemon: Callable[..., DaemonProcess]
) -> None:
    assert school.run("install", role="school").returncode == 0
    school.does(LOOK_ALIKE)
    for setting in ({}, {"active_values": "active"}):
        again = school.run("install", role="school", **setting)
        assert again.returncode == 0, again.stderr
        assert "public.course_members" in again.stdout
        assert "mallory" not in again.stdout
    assert (
        school.as_superuser("select mapping #>> '{enrollment_table,schema}' from listener.installation").strip()
        == "public"
    )
    assert school.loot == []


def test_an_installation_of_a_superuser_s_keeps_to_its_tables_too(school: Mallory) -> None:
    school.as_superuser(
        "alter table users owner to current_user; alter table courses owner to current_user;"
        "alter table course_members owner to current_user"
    )
    assert school.run("install").returncode == 0
    school.does(LOOK_ALIKE)
    again = school.run("install", statistics="none")
    assert again.returncode == 0, again.stderr
    assert "public.course_members" in again.stdout
    assert "mallory" not in again.stdout


def test_who_owns_no_such_table_is_told_whose_they_are(school: Mallory) -> None:
    school.as_superuser("do $$ begin create role stranger login; exception when duplicate_object then null; end $$")
    refused = school.run("install", "--plan", role="stranger")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "public.course_members, of school" in refused.stderr
    assert "LISTENER_ENROLLMENT_TABLE" in refused.stderr


ROLES = f"""
create schema mallory;
create table mallory.user_roles (user_id uuid references public.users, role text);
insert into mallory.user_roles select null, 'student';
create function mallory.take() returns boolean language plpgsql as $$
begin {TAKE.format(what="policy")} return true; end $$;
alter table mallory.user_roles enable row level security;
create policy take on mallory.user_roles using (mallory.take());
grant usage on schema mallory to public;
grant all on mallory.user_roles to public;
"""


@pytest.mark.parametrize("by_setting", [False, True])
def test_no_policy_of_somebody_else_s_runs(school: Mallory, by_setting: bool) -> None:
    school.as_superuser("alter table users drop column role; grant references on users to mallory")
    school.does(ROLES)
    named = {"student_table": "mallory.user_roles", "student_key": "user_id", "student_values": "student"}
    settings = named if by_setting else {}
    for command in (("install", "--plan"), ("install", "--print"), ("diagnose",), ("sync", "--dry-run"), ("install",)):
        done = school.run(*command, role="school", **settings)
        assert len(done.stderr.splitlines()) <= 1, done.stderr
        assert school.loot == [], command
    if by_setting:
        assert "row-level security on mallory.user_roles hides rows from school" in done.stderr


def test_no_value_of_somebody_else_s_table_is_read(school: Mallory) -> None:
    """Not even without a policy: what it says there is nothing that was said of the LMS."""
    school.as_superuser("alter table users drop column role; grant references on users to mallory")
    school.does(ROLES + "alter table mallory.user_roles disable row level security;")
    planned = school.run("install", "--plan", role="school")
    assert planned.returncode == 0, planned.stderr
    assert "user_roles" not in planned.stdout


def test_a_table_that_a_setting_names_is_looked_at_under_any_owner(school: Mallory) -> None:
    school.does(LOOK_ALIKE.replace("take()", "keep()"))
    planned = school.run("install", "--plan", enrollment_table="mallory.enrollments")
    assert planned.returncode == 0, planned.stderr
    assert "mallory" in planned.stdout
