"""What `diagnose` names, `sync` mends, and both leave alone what is in order."""

import json
import time
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import listener
from tests.support.project import SUPPORT

MENDS_ALL = "listener sync --structure --cascade enrollments_user_id_fkey"
"""What the docs name for the seed case."""

CASE = (SUPPORT / "users_case.sql").read_text()


@pytest.fixture
def case(make_database: Callable[..., Database]) -> Database:
    database = make_database(empty=True)
    database.server.psql(database.name, CASE)
    return database


@pytest.fixture
async def look(case: Database) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(case.url)
    yield connection
    connection.terminate()


def diagnosed(database: Database) -> dict[str, dict[str, tuple[int, str]]]:
    """What diagnose finds and advises: how many of each code, and what mends it."""
    done = listener(database.url, "diagnose", "--json", check=False)
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert done.returncode == bool(said["findings"])
    assert set(said) == {"findings", "advice"}
    return {kind: {each["code"]: (each["affected"], each["mend"]) for each in found} for kind, found in said.items()}


def codes(database: Database, kind: str = "findings") -> dict[str, int]:
    """What diagnose finds (or advises): how many of each code."""
    return {code: affected for code, (affected, _) in diagnosed(database)[kind].items()}


STATE = "select json_agg(r)::text from (select * from {} order by 1) as r"


async def state(connection: Connection) -> list[str]:
    """All rows of the LMS."""
    return [await connection.fetchval(STATE.format(table)) for table in ("profiles", "enrollments", "courses")]


async def test_the_users_case(case: Database, look: Connection) -> None:
    said = diagnosed(case)
    assert said["findings"] == {
        "students_without_enrollment": (4, "listener sync"),
        "counts_off": (2, "listener sync"),
        "triggers_doubled": (2, "listener install --take-over"),
        "not_installed": (1, "listener install"),
    }
    assert said["advice"] == {
        "foreign_key_wrong_table": (1, "listener sync --structure"),
        "foreign_key_without_cascade": (1, MENDS_ALL),
        "unique_pair_missing": (1, "listener sync --structure"),
        "index_missing": (1, "listener sync --structure"),
    }
    before = await state(look)
    would = listener(case.url, "sync", "--dry-run", check=False)
    assert would.returncode == 1
    assert ". enroll 4 students\n" in would.stdout
    assert "1587" in would.stdout
    assert "alter table" not in would.stdout
    would = listener(case.url, *MENDS_ALL.split()[1:], "--dry-run", check=False)
    assert would.returncode == 1
    assert ". enroll 4 students\n" in would.stdout
    assert 'references "public"."profiles"' in would.stdout
    assert "do $" not in would.stdout
    assert await state(look) == before

    refused = listener(case.url, "install", check=False)
    assert refused.returncode == 2
    assert "update_course_counts on public.enrollments (counts)" in refused.stderr
    assert "on_profile on public.profiles (enrolls)" in refused.stderr
    assert "auto_enroll" not in refused.stderr
    assert await look.fetchval("select to_regnamespace('listener') is null")

    listener(case.url, "install", "--take-over")
    listener(case.url, *MENDS_ALL.split()[1:])
    assert diagnosed(case) == {"findings": {}, "advice": {}}
    assert await look.fetchval("select count(*) from enrollments") == 7
    assert tuple(await look.fetchrow("select enrollments, students from courses") or ()) == (7, 7)
    assert await look.fetchval(
        """select array_agg(conname || ' ' || pg_get_constraintdef(oid)) from pg_constraint
        where conrelid = 'enrollments'::regclass and contype = 'f' and confrelid <> 'courses'::regclass"""
    ) == ["enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES profiles(id) ON UPDATE CASCADE ON DELETE CASCADE"]
    assert "0 students" in listener(case.url, "sync").stdout

    enabled = (
        "select array_agg(tgname::text order by tgname) from pg_trigger where tgenabled = 'O' and not tgisinternal"
    )
    assert "on_profile" not in await look.fetchval(enabled)
    listener(case.url, "uninstall")
    assert await look.fetchval(enabled) == ["auto_enroll", "on_profile", "update_course_counts"]


async def test_a_trigger_that_does_other_things_too_is_not_taken_over(case: Database, look: Connection) -> None:
    await look.execute("create table audit_log (said text)")
    await look.execute(
        """create or replace function enroll_now(person uuid) returns void language plpgsql as $$
        begin
            insert into enrollments (user_id, course_id) values (person, pick_course());
            insert into audit_log values ('enrolled');
        end $$"""
    )
    refused = listener(case.url, "install", "--take-over", check=False)
    assert refused.returncode == 2
    assert "on_profile on public.profiles" in refused.stderr
    assert "audit_log" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert await look.fetchval("select tgenabled from pg_trigger where tgname = 'on_profile'") == b"O"


async def test_rows_in_the_way_are_moved_however_many_they_are(make_database: Callable[..., Database]) -> None:
    """More than are moved at once, in whichever partition: those of nobody go, and their neighbours stay."""
    database = make_database(installed=False)
    look: Connection = await asyncpg.connect(database.url)
    await look.execute(
        """
        drop table enrollments;
        create table enrollments (
            user_id uuid, course_id uuid references courses on delete cascade, status text not null default 'active'
        ) partition by list (status);
        create table active partition of enrollments for values in ('active');
        create table gone partition of enrollments for values in ('gone');
        insert into courses (title) values ('a');
        insert into profiles (role) select 'student' from generate_series(1, 2000);
        insert into enrollments select profiles.id, courses.id, 'active' from profiles cross join courses;
        insert into enrollments select gen_random_uuid(), courses.id, 'gone' from profiles cross join courses;
        insert into enrollments select gen_random_uuid(), courses.id, 'active' from profiles cross join courses;
        insert into enrollments select profiles.id, courses.id, 'gone' from profiles cross join courses;
        """
    )
    listener(database.url, "install", active_values="active")
    listener(database.url, "sync", "--structure", check=False)
    kept = "select count(*), count(*) filter (where user_id in (select id from profiles)) from enrollments"
    assert tuple(await look.fetchrow(kept) or ()) == (4000, 4000)
    assert await look.fetchval("select count(*) from listener.quarantine") == 4000
    await look.close()


async def test_doubled_enrollments_are_moved_however_many_they_are(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    look: Connection = await asyncpg.connect(database.url)
    await look.execute(
        """
        alter table enrollments drop constraint enrollments_user_id_course_id_key;
        insert into courses (title) values ('a');
        insert into profiles (role) select 'student' from generate_series(1, 1500);
        insert into enrollments (user_id, course_id, status)
        select profiles.id, courses.id, each.status
        from profiles cross join courses cross join unnest(array['gone', 'active', 'gone']) as each(status)
        """
    )
    listener(database.url, "install", active_values="active")
    listener(database.url, "sync", "--structure")
    assert await look.fetchval("select array_agg(distinct status) from enrollments") == ["active"]
    assert await look.fetchval("select count(*) from enrollments") == 1500
    assert await look.fetchval("select count(*) from listener.quarantine") == 3000
    await look.close()


async def test_rows_in_the_way_are_kept_in_quarantine(case: Database, look: Connection) -> None:
    await look.execute("alter table enrollments disable trigger all; alter table profiles disable trigger all")
    await look.execute("alter table enrollments drop constraint enrollments_user_id_fkey")
    await look.execute("alter table enrollments drop constraint enrollments_course_id_fkey")
    await look.execute(
        """insert into enrollments (user_id, course_id, status, enrolled_at)
        select gen_random_uuid(), courses.id, 'active', now() from courses
        union all select profiles.id, gen_random_uuid(), 'active', now() from profiles where email ~ '^1'
        union all
        select profiles.id, courses.id, 'gone', now() - interval '1 day' from profiles, courses where email ~ '^1'
        union all select null, courses.id, 'active', now() from courses"""
    )
    found = codes(case, "advice")
    assert (found["enrollments_of_nobody"], found["enrollments_of_no_course"], found["duplicate_enrollments"]) == (
        1,
        1,
        1,
    )
    listener(case.url, "install")
    listener(case.url, "sync")
    assert await look.fetchval("select count(*) from listener.quarantine") == 0
    assert codes(case) == {}
    assert codes(case, "advice") == found
    listener(case.url, "sync", "--structure")
    assert diagnosed(case) == {"findings": {}, "advice": {}}
    assert await look.fetchval("select count(*) from listener.quarantine") == 3
    kept = "select status from enrollments where user_id = (select id from profiles where email ~ '^1')"
    assert await look.fetchval(f"select array_agg(status) from ({kept}) as kept") == ["active"]
    assert (
        await look.fetchval("select content ->> 'status' from listener.quarantine order by id desc limit 1") == "gone"
    )

    row = await look.fetchrow("select * from get_enrollment_statistics()")
    assert row is not None
    assert dict(row) == {
        "total_profiles": 8,
        "total_students": 7,
        "total_enrollments": 8,
        "students_with_enrollments": 7,
        "students_without_enrollments": 0,
        "active_enrollments": 8,
        "inactive_enrollments": 0,
    }
    statuses = "select enrollment_status, count(*) from profile_enrollment_sync_status group by 1 order by 1"
    assert [tuple(row) for row in await look.fetch(statuses)] == [("enrolled", 7), ("not_student", 1)]


async def test_a_missing_or_disabled_trigger_is_found_and_mended(database: Database, connection: Connection) -> None:
    listener(database.url, "sync")
    assert codes(database) == {}
    await connection.execute("drop trigger listener_delete on enrollments")
    await connection.execute("alter table profiles disable trigger listener_insert")
    assert codes(database) == {"triggers_missing": 2}
    listener(database.url, "install")
    assert codes(database) == {}


async def test_a_renamed_column_is_followed_and_one_that_is_gone_is_named(
    database: Database, connection: Connection
) -> None:
    await connection.execute("insert into courses (title) values ('a'); insert into profiles (role) values ('student')")
    await connection.execute("alter table profiles rename column role to kind")
    assert "in sync" in listener(database.url, "sync").stdout
    assert await connection.fetchval("select count(*) from enrollments") == 1
    await connection.execute("alter table profiles drop column kind")
    assert diagnosed(database) == {"findings": {"mapping_broken": (1, "listener install")}, "advice": {}}
    refused = listener(database.url, "sync", check=False)
    assert refused.returncode == 1
    assert "mapping_broken" in refused.stdout
    assert refused.stderr == ""


async def test_a_full_database_is_diagnosed_in_seconds(
    database: Database, connection: Connection, request: pytest.FixtureRequest
) -> None:
    students = 1_000_000 if request.config.getoption("--long") else 100_000
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute("alter table profiles disable trigger user; alter table enrollments disable trigger user")
    await connection.execute(f"insert into profiles (role) select 'student' from generate_series(1, {students})")
    await connection.execute(
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
    )
    await connection.execute(
        "alter table profiles enable trigger user; alter table enrollments enable trigger user; analyze"
    )
    started = time.monotonic()
    found = codes(database)
    assert found.pop("feed_lag", 1) == 1
    assert found == {"counts_off": 2}
    assert time.monotonic() - started < 10 + students / 100_000
    said = listener(database.url, "sync").stdout
    assert f"is {students}" in said
    assert codes(database) == {}


async def test_pending_students_are_shown_hurried_and_dropped(database: Database, connection: Connection) -> None:
    assert "nobody waits" in listener(database.url, "pending").stdout
    profile = await connection.fetchval("insert into profiles (role) values ('student') returning id")
    await connection.execute(
        "insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)"
        " values ($1, 'failed', 'no luck', now() + interval '1 hour')",
        profile,
    )
    assert "no luck" in listener(database.url, "pending", "list").stdout
    due = "select next_attempt_at <= now() from listener.pending_enrollment"
    assert "0 students" in listener(database.url, "pending", "retry", "--student", "nobody").stdout
    assert not await connection.fetchval(due)
    assert "1 student " in listener(database.url, "pending", "retry", "--student", str(profile)).stdout
    assert await connection.fetchval(due)
    assert "1 student " in listener(database.url, "pending", "drop").stdout
    assert await connection.fetchval(due) is None
