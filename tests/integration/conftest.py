"""One LMS with a daemon at work on each version of Postgres, shared by the tests of the reactions; databases on which
nothing is installed; and a folder of reactions of one's own."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import Server, versions
from tests.support.process import DaemonProcess
from tests.support.reactions import Folder, queue

BUSY = """
select
    exists (
        select from listener.unhandled('enroll') where profile_ids is not null or source = 'courses'
    )
    or exists (select from listener.unhandled('count'))
    or exists (select from listener.pending_count)
"""

INEXACT = """
select count(*)
from listener.course_live_count
inner join courses using (id)
where
    course_live_count.active_enrollments <> (
        select count(*) from enrollments where course_id = courses.id and status = 'active'
    )
"""


@dataclass
class School:
    """An LMS with a daemon at work, and the connection of an application."""

    database: Database
    daemon: DaemonProcess
    app: Connection

    @property
    def version(self) -> int:
        """Of Postgres."""
        return self.database.server.version

    async def course(self, title: str = "course", price: float | None = 0, **columns: Any) -> Any:
        """Insert a course; its key."""
        names = ["title", "price", *columns]
        places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        insert = f"insert into courses ({', '.join(names)}) values ({places}) returning id"
        return await self.app.fetchval(insert, title, price, *columns.values())

    async def profile(self, role: str | None = "student") -> Any:
        """Insert a profile; its key."""
        return await self.app.fetchval("insert into profiles (role) values ($1) returning id", role)

    async def guests(self, count: int) -> list[Any]:
        """Insert profiles that nobody enrolls by itself; their keys."""
        guests = "insert into profiles (role) select 'guest' from generate_series(1, $1) returning id"
        return [row["id"] for row in await self.app.fetch(guests, count)]

    async def enroll(self, profile: Any, course: Any, status: str = "active") -> None:
        """Insert an enrollment, as the application would."""
        await self.app.execute(
            "insert into enrollments (user_id, course_id, status) values ($1, $2, $3)", profile, course, status
        )

    async def enrolled(self, profile: Any, course: Any) -> None:
        """Wait until the profile is enrolled in the course, and see that it is in no other."""
        query = "select array_agg(course_id::text) from enrollments where user_id = $1"
        await eventually(self.app, query, profile, equals=[str(course)])

    async def courses_of(self, profile: Any) -> list[Any]:
        """The keys of the courses that the profile is enrolled in, with any status."""
        rows = await self.app.fetch("select course_id from enrollments where user_id = $1", profile)
        return [row["course_id"] for row in rows]

    async def counted(self, course: Any, count: int) -> None:
        """Wait until both count columns of a course say so."""
        query = "select array[enrollments, students] from courses where id = $1"
        await eventually(self.app, query, course, equals=[count, count])

    async def caught_up(self, seconds: float = 20) -> None:
        """Wait until everything noted is handled, and see that the counts are exact."""
        await eventually(self.app, BUSY, equals=False, seconds=seconds)
        assert await self.app.fetch("select * from listener.course_drift") == []
        assert await self.app.fetchval(INEXACT) == 0

    async def now(self) -> str:
        """The number that the next transaction takes. (Notes' own numbers say nothing of when they were taken.)"""
        return str(await self.app.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text"))

    async def notes_since(self, moment: str) -> int:
        """Notes of transactions that began to write after that."""
        query = "select count(*) from listener.change where xid >= ($1::text)::xid8"
        return int(await self.app.fetchval(query, moment))

    async def other(self) -> Connection:
        """One more connection, which the caller closes."""
        connection: Connection = await connect(self.database.url)
        return connection


@pytest.fixture(scope="session", params=versions(), ids=lambda version: f"postgres{version}")
def working(
    request: pytest.FixtureRequest,
    servers: Callable[[int], Server],
    templates: Callable[[Server, str, bool], str],
) -> Iterator[tuple[Database, DaemonProcess]]:
    """A database with a daemon that leads."""
    server = servers(request.param)
    database = Database(server, "school")
    server.copy(templates(server, "uuid", True), "school")
    daemon = DaemonProcess(database.url, {"heartbeat_seconds": 1}, cold=False)
    daemon.wait_ready("leading")
    yield database, daemon
    daemon.clean_up()
    server.psql("postgres", "drop database school with (force)")


@pytest.fixture
async def school(working: tuple[Database, DaemonProcess]) -> AsyncIterator[School]:
    """The LMS of one version, without rows."""
    database, daemon = working
    app: Connection = await connect(database.url)
    await app.execute("truncate profiles, courses, enrollments; delete from listener.pending_enrollment")
    try:
        yield School(database, daemon, app)
        assert daemon.process.poll() is None
    finally:
        app.terminate()


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Folder:
    """A folder of reactions, for the database of this test."""
    return Folder(tmp_path / "reactions", database)


@pytest.fixture
async def queued(connection: Connection) -> None:
    """The table that the reaction `welcome` writes is there."""
    await queue(connection)


@pytest.fixture
async def plain_lms(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with the plain LMS schema."""
    connection: Connection = await connect(make_database(installed=False).url)
    yield connection
    connection.terminate()


@pytest.fixture
async def empty_database(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with nothing in it."""
    connection: Connection = await connect(make_database(empty=True).url)
    yield connection
    connection.terminate()


@pytest.fixture
def empty(make_database: Callable[..., Database]) -> Database:
    """A database with nothing in it."""
    return make_database(empty=True)


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    """A connection to `empty`."""
    connection: Connection = await connect(empty.url)
    yield connection
    connection.terminate()
