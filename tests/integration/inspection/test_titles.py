"""Courses have their titles beside their keys, wherever these are shown; nothing depends on a title."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import campus
from tests.support.brake import TABLES, installed, pay, settings
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.explaining import ask, person, read, unnoted
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

HOSTILE = "Intro\x1b[31m\n\u202eevil\u2066\x07 <b>עברית</b> " + "x" * 500
FIT = "Intro [31m  evil   <b>עברית</b> " + 20 * "x" + "…"
TITLES = "select count(*) from listener.course_titles(array(select id::text from courses))"


@dataclass(frozen=True)
class Worker(Database):
    """The database, for the daemon's own role."""

    @property
    def role(self) -> str:
        return f"worker_{self.name}"

    @property
    def url(self) -> str:
        return self.server.url(self.name, user=self.role)


async def test_the_log_has_the_title_of_a_course_fit_to_be_read_and_no_person_s_name(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    worker = Worker(database.server, database.name)
    await connection.execute(f"create role {worker.role} login")
    await asyncio.to_thread(listener, database.url, "install", "--grant-to", worker.role)
    course = str(await connection.fetchval("insert into courses (title) values ($1) returning id", HOSTILE))
    daemon = start_daemon(worker, sample_seconds=0.1).wait_ready("leading")
    wait_until(lambda: daemon.metric("listener_samples_total") > 1, "the default course's title is known")
    await connection.execute("insert into profiles (role, full_name) values ('student', 'Ann Name')")
    for event in ("student_enrolled", "course_count_moved"):
        daemon.told(event)
        (told,) = daemon.events(event)
        assert (told["course_id"], told["course"]) == (course, FIT)
    assert "202e" not in daemon.text()
    assert "Ann" not in daemon.text()
    # A title may be any text, and change at any time.
    await connection.execute("alter table courses rename title to name")
    await connection.execute("update courses set name = 'Welcome'")
    explained = ask(worker.url, await person(connection))
    assert explained["titles"] == {course: "Welcome"}
    await connection.execute("alter table courses drop name")
    await person(connection)
    await eventually(connection, "select enrollments from courses", equals=3)
    assert ask(worker.url, await person(connection))["titles"] == {}
    assert daemon.get("/readyz")[0] == 200
    assert "healthy" in listener(database.url, "status").stdout
    assert daemon.events("mapping_broken") == []


@pytest.mark.parametrize("title", ["title varchar(30)", '"courseName" text', "titulo text"])
async def test_commands_say_it(connection: Connection, database: Database, title: str) -> None:
    name = title.split()[0]
    await connection.execute(f"alter table courses rename title to old; alter table courses add {title}")
    await connection.execute(f"insert into courses (old, {name}) values ('a', 'Welcome')")
    course = str(await connection.fetchval("select id from courses"))
    await unnoted(connection)
    student = await person(connection)
    said = listener(database.url, "sync", check=False).stdout
    await connection.execute("set session_replication_role = replica; update courses set enrollments = 7")
    said = listener(database.url, "sync", check=False).stdout
    assert f"course {course} ('Welcome'): enrollments was 7, is 2" in said
    text = read(database.url, student)
    assert f"in course {course} ('Welcome')" in text
    assert f"land in course {course} ('Welcome')" in text
    await connection.execute(
        "insert into listener.pending_count (course_id, delta, error, attempts, since, next_attempt_at)"
        " select id, 1, 'not today', 1, now(), now() from courses"
    )
    assert f"{course} ('Welcome'): refused" in listener(database.url, "pending").stdout


async def test_what_is_held_and_what_was_done_is_told_with_titles(app: Connection, empty: Database) -> None:
    await app.execute(TABLES)
    await installed(app, settings("suspend", history_days="1"))
    await pay(app, 40)
    listener(empty.url, "sync", check=False)
    await app.execute("update payments set paid = false")
    listener(empty.url, "sync", check=False)
    assert "course 1 ('Chess'): 40 held: " in listener(empty.url, "release", "--dry-run").stdout
    assert "course: 1 ('Chess')" in " ".join(listener(empty.url, "pending").stdout.split())
    assert "in course 1 ('Chess')" in listener(empty.url, "history").stdout
    assert "course 1 ('Chess'): " in listener(empty.url, "undo", "--since", "1h", "--dry-run").stdout


async def test_nobody_waits_for_a_title(connection: Connection, database: Database) -> None:
    other = await connect(database.url)
    await connection.execute("insert into courses (title) values ('a')")
    assert await connection.fetchval(TITLES) == 1
    async with other.transaction():
        await other.execute("lock table courses in access exclusive mode")
        held = "select count(*) from listener.course_titles(array['00000000-0000-4000-8000-000000000000'])"
        assert await connection.fetchval(held, timeout=10) == 0
    await other.close()
    assert await connection.fetchval("select count(*) from listener.course_titles(array['no key'])") == 0
    assert await connection.fetchval("select count(*) from listener.course_titles(null)") == 0


async def test_under_a_query_titles_are_told_course_by_course(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    async with campus.school(database) as connection:
        course, student = await campus.course(connection), await person(connection)
        listener(database.url, "sync", check=False)
        assert f"course: {course} ('a'): should be there, and is" in read(database.url, student)
