"""Somebody who writes keys that no index takes: nobody else waits for that."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import two_versions
from tests.support.process import DaemonProcess, listener

both = pytest.mark.parametrize("postgres_version", two_versions())
StartDaemon = Callable[..., DaemonProcess]

NO_KEYS = """
alter table enrollments drop constraint enrollments_user_id_fkey;
alter table enrollments drop constraint enrollments_course_id_fkey;
alter table enrollments drop constraint enrollments_user_id_course_id_key;
"""
LONG = "(select string_agg(md5(random()::text || n), '') from generate_series(1, 188) as n)"
"""6,000 letters that cannot be compressed."""
NAMED: dict[str, Any] = {
    "profile_table": "profiles", "profile_key": "id", "student_column": "role", "student_values": "student",
    "enrollment_table": "enrollments", "enrollment_profile": "user_id", "enrollment_course": "course_id",
    "enrollment_status": "status", "active_values": "active", "course_table": "courses", "course_key": "id",
    "default_course": "a",
}  # fmt: skip
COUNT = "select enrollments from courses where id = 'a'"


@pytest.fixture
async def lms(make_database: Callable[..., Database]) -> AsyncIterator[tuple[Database, Connection]]:
    """Text keys that no constraint of the LMS's keeps short; one course, `a`. Not installed."""
    database = make_database("text", installed=False)
    connection: Connection = await asyncpg.connect(database.url)
    await connection.execute(NO_KEYS)
    await connection.execute("insert into courses (id, title, price) values ('a', 'a', 0)")
    yield database, connection
    connection.terminate()


async def signs_up(connection: Connection, number: int) -> None:
    """Somebody else, who is enrolled and counted."""
    await connection.execute("insert into profiles (id, role) values ($1, 'student')", f"p{number}")
    await eventually(connection, "select count(*) from enrollments where user_id = $1", f"p{number}", equals=1)
    await eventually(connection, COUNT, equals=number)


def assert_told(database: Database, *, remains: int | None = None) -> None:
    """`diagnose` and `sync` say it in a line, and end as they should."""
    for command in ("diagnose", "sync"):
        done = listener(database.url, command, check=False, **NAMED)
        assert "Traceback" not in done.stderr
        assert done.returncode in ((0, 1) if remains is None else (remains,))
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("keys_too_long:")]
        assert "too long for an index" in line
        assert max(map(len, done.stdout.splitlines())) < 2_000


@both
async def test_attacker_with_a_course_key_that_no_index_takes_stops_no_count(
    lms: tuple[Database, Connection], start_daemon: StartDaemon
) -> None:
    database, connection = lms
    listener(database.url, "install", **NAMED)
    daemon = start_daemon(database, audit_seconds=1).wait_ready("leading")
    await connection.execute(f"insert into enrollments (user_id, course_id) select 'x', {LONG}")
    await signs_up(connection, 1)
    await connection.execute(
        f"insert into enrollments (user_id, course_id) select 'y', {LONG} from generate_series(1, 50)"
    )
    await signs_up(connection, 2)
    await connection.execute("delete from enrollments where user_id = 'x'")
    await signs_up(connection, 3)
    assert not daemon.events("reaction_failed")
    assert not daemon.events("reaction_blocked")
    assert_told(database, remains=1)


@both
async def test_attacker_with_a_course_key_that_no_index_takes_stops_no_step(lms: tuple[Database, Connection]) -> None:
    database, connection = lms
    listener(database.url, "install", **NAMED)
    await connection.execute(f"insert into enrollments (user_id, course_id) select 'x', {LONG}")
    await connection.execute("insert into profiles (id, role) values ('p', 'student')")
    for _ in range(3):
        assert await connection.fetchval("select problem from listener.step()") is None
    assert await connection.fetchval(COUNT) == 1
    assert_told(database, remains=1)


@both
async def test_attacker_with_long_keys_whose_enrollment_is_refused_stops_no_enrolling(
    lms: tuple[Database, Connection], start_daemon: StartDaemon
) -> None:
    database, connection = lms
    await connection.execute(
        """
        alter table profiles drop constraint profiles_pkey;
        create unique index on profiles (md5(id));
        create function refuse() returns trigger language plpgsql as $$
        begin
            if length(new.user_id) > 100 then
                raise exception 'no';
            end if;
            return new;
        end $$;
        create trigger refuse before insert on enrollments for each row execute function refuse();
        """
    )
    await connection.execute("alter table profiles add unique (id)")
    listener(database.url, "install", **NAMED)
    # A migration took away what kept these keys short.
    await connection.execute(
        "alter table profiles drop constraint profiles_id_key; drop index listener_enrollment_profile"
    )
    daemon = start_daemon(database, audit_seconds=1).wait_ready("leading")
    await connection.execute(f"insert into profiles (id, role) select {LONG}, 'student'")
    for number in range(1, 4):
        await signs_up(connection, number)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=0)
    assert not daemon.events("reaction_blocked")
    done = listener(database.url, "diagnose", check=False, **NAMED)
    assert done.stderr == ""
    assert "keys_too_long: 1 key is too long for an index" in done.stdout


FITS = "(select string_agg(md5(random()::text || n), '') from generate_series(1, 60) as n)"
"""1,920 letters: one of them fits, two do not."""
QUERY = {
    "wanted_query": "select p.id, c.id from profiles p join courses c on true where p.role = 'student'",
    "wanted_plan": "any",
    "watch": "courses(everyone)",
}
MODES: dict[str, dict[str, Any]] = {
    "counts of our own": {"count_columns": "none"},
    "seats": QUERY | {"course_seats": "1000"},
    "no seats": QUERY | {"course_seats": "0"},
    "ledger": QUERY | {"on_leave": "remove"},
}


@both
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.half
async def test_attacker_with_two_long_keys_stops_nobody_wherever_they_are_kept(
    lms: tuple[Database, Connection], start_daemon: StartDaemon, mode: str
) -> None:
    database, connection = lms
    named: dict[str, Any] = NAMED | MODES[mode]
    await connection.execute(f"update courses set id = {FITS}")
    (course,) = [row["id"] for row in await connection.fetch("select id from courses")]
    named["default_course"] = course
    if "wanted_query" in named:
        for each in ("default_course", "student_column", "student_values"):
            del named[each]
    listener(database.url, "install", **named)
    daemon = start_daemon(database, audit_seconds=1).wait_ready("leading")
    await connection.execute(f"insert into enrollments (user_id, course_id) select 'x', {LONG}")
    await connection.execute(f"insert into profiles (id, role) select {FITS}, 'student'")
    kept = {
        "no seats": "select count(*) from listener.waiting where profile_id = $1 and course_id = $2",
        "ledger": "select count(*) from listener.made_enrollment where profile_id = $1 and course_id = $2",
    }.get(mode, "select count(*) from enrollments where user_id = $1 and course_id = $2")
    for number in range(1, 4):
        await connection.execute("insert into profiles (id, role) values ($1, 'student')", f"p{number}")
        await eventually(connection, kept, f"p{number}", course, equals=1)
    for consumer in ("count", "enroll"):
        await eventually(connection, "select not exists (select from listener.unhandled($1))", consumer, equals=True)
    assert not daemon.events("reaction_blocked"), daemon.text()
    done = listener(database.url, "sync", check=False, **named)
    assert "Traceback" not in done.stderr
    assert "keys_too_long" in done.stdout


@pytest.fixture
def installed(make_database: Callable[..., Database]) -> Database:
    """With text keys, and installed."""
    return make_database("text")


@both
async def test_attacker_with_a_long_key_that_can_be_compressed_stops_nobody(
    installed: Database, start_daemon: StartDaemon
) -> None:
    connection: Connection = await asyncpg.connect(installed.url)
    try:
        await connection.execute(
            "insert into courses (id, title, price) values ('a', 'a', 0), (repeat('b', 6000), 'b', 9)"
        )
        daemon = start_daemon(installed, audit_seconds=1).wait_ready("leading")
        await connection.execute("insert into profiles (id, role) values (repeat('p', 6000), 'student')")
        await eventually(connection, COUNT, equals=1)
        other: Connection = await asyncpg.connect(installed.url)
        async with connection.transaction():  # the delta would be set aside, and is counted by the audit
            await connection.execute("select from courses where title = 'b' for no key update")
            await other.execute(
                "insert into enrollments (user_id, course_id) select p.id, c.id from profiles p, courses c"
                " where c.title = 'b'"
            )
            await eventually(other, "select not exists (select from listener.unhandled('count'))", equals=True)
        await other.close()
        await eventually(connection, "select enrollments from courses where title = 'b'", equals=1)
        await connection.execute("insert into profiles (id, role) values ('q', 'student')")
        await eventually(connection, COUNT, equals=2)
        assert not daemon.events("reaction_failed")
        done = listener(installed.url, "diagnose", check=False)
        assert "Traceback" not in done.stderr
        assert "keys_too_long" not in done.stdout
        await connection.execute("update courses set price = null, status = 'draft'")
        await connection.execute("insert into profiles (id, role) values (repeat('w', 6000), 'student')")
        waits = "select count(*) from listener.pending_enrollment where profile_id = repeat('w', 6000)"
        await eventually(connection, waits, equals=1)
    finally:
        connection.terminate()
