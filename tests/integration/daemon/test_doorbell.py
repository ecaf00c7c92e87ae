"""Writers ring only for a daemon that listens, and what rings is a hint: it can be lost, forged or doubled."""

from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import asyncpg
import pytest

from listener.daemon.doorbell import Doorbell
from listener.database.connection import Connection
from listener.database.locks import CHANNEL
from tests.conftest import Database
from tests.support.bell import HELD
from tests.support.eventually import eventually
from tests.support.own_server import server_with_lms
from tests.support.process import DaemonProcess

SIGN_UP = "insert into profiles (role) values ('student')"


class Ear:
    """Hears the channel as anybody may."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heard: list[str] = []
        self._marked = anyio.Event()

    async def listen(self) -> None:
        await self._connection.add_listener(CHANNEL, self._hear)

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard.append(str(payload))
        if payload == "mark":
            self._marked.set()

    async def heard(self) -> list[str]:
        """All that was sent before now: notifications come in the order of the commits."""
        self._marked = anyio.Event()
        await self._connection.execute(f"select pg_notify('{CHANNEL}', 'mark')")
        with anyio.fail_after(10):
            await self._marked.wait()
        heard, self._heard = self._heard[:-1], []
        return heard


@pytest.fixture
async def ear(database: Database) -> AsyncIterator[Ear]:
    connection = await asyncpg.connect(database.url)
    ear = Ear(connection)
    await ear.listen()
    yield ear
    connection.terminate()


@pytest.fixture
async def bell(database: Database) -> AsyncIterator[Doorbell]:
    connection = await asyncpg.connect(database.url)
    yield Doorbell(connection)
    connection.terminate()


async def test_while_no_daemon_runs_nobody_rings(connection: Connection, ear: Ear) -> None:
    await connection.execute(SIGN_UP)
    await connection.execute("insert into courses (title) values ('a')")
    assert await ear.heard() == []


async def test_while_the_bell_is_held_each_writer_rings_once_and_says_nothing(
    connection: Connection, ear: Ear, bell: Doorbell
) -> None:
    assert await bell.hold()
    await connection.execute(SIGN_UP)
    assert await ear.heard() == [""]
    async with connection.transaction():
        for _ in range(5):
            await connection.execute(SIGN_UP)
    assert await ear.heard() == [""]
    await connection.execute("insert into profiles (role) values ('admin')")
    await connection.execute("update profiles set full_name = 'A'")
    assert await ear.heard() == []
    await bell.release()
    await connection.execute(SIGN_UP)
    assert await ear.heard() == []


async def test_a_sign_up_that_is_rolled_back_does_not_ring(connection: Connection, ear: Ear, bell: Doorbell) -> None:
    assert await bell.hold()
    await connection.execute(f"begin; {SIGN_UP}; rollback")
    assert await ear.heard() == []


async def test_the_bell_cannot_be_held_while_a_writer_is_in_flight_who_will_not_ring(
    connection: Connection, bell: Doorbell
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(SIGN_UP)
    assert not await bell.hold()
    await transaction.commit()
    assert await bell.hold()


async def test_the_bell_of_a_daemon_that_died_is_free(
    database: Database, connection: Connection, ear: Ear, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    await eventually(connection, HELD, equals=1)
    daemon.kill()
    await eventually(connection, HELD, equals=0)
    await ear.heard()
    await connection.execute(SIGN_UP)
    assert await ear.heard() == []


async def test_forged_and_doubled_notifications_change_nothing(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute(SIGN_UP)
    for payload in ("", "heartbeat", "{}", "x" * 7999, "'; drop schema listener cascade; --"):
        for _ in range(40):
            await connection.execute("select pg_notify($1, $2)", CHANNEL, payload)
    await connection.execute(SIGN_UP)
    await eventually(connection, "select enrollments from courses", equals=2)
    assert await connection.fetchval("select count(*) from enrollments") == 2
    assert await connection.fetch("select * from listener.course_drift") == []
    assert daemon.role == "leading"
    assert not daemon.events("connection_lost")
    assert not daemon.events("heartbeat_missed")


async def test_a_ring_that_is_lost_costs_no_more_than_a_heartbeat(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute("set session_replication_role = replica")  # no trigger takes a note, nor rings
    student = await connection.fetchval(f"{SIGN_UP} returning id")
    await connection.execute("reset session_replication_role")
    start_daemon(database, heartbeat_seconds=0.5, sample_seconds=3000).wait_ready("leading")
    await eventually(connection, "select count(*) from listener.unhandled('count')", equals=0)
    await connection.execute(
        "insert into listener.change (source, operation, profile_ids) values ('profiles', 'insert', array[$1::uuid])",
        student,
    )
    await eventually(connection, "select enrollments from courses", equals=1)


async def test_a_daemon_that_sleeps_wakes_within_milliseconds(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """A heartbeat that never comes in this test shows that it is the bell that wakes it."""
    start_daemon(database, heartbeat_seconds=300, sample_seconds=3000).wait_ready("leading")
    await connection.execute("insert into courses (title) values ('a')")
    for number in range(1, 11):
        await eventually(connection, HELD, equals=1)
        await connection.execute(SIGN_UP)
        await eventually(connection, "select count(*) from enrollments", equals=number, seconds=5)
    await eventually(connection, "select enrollments from courses", equals=10)


@pytest.fixture(scope="module")
def preparing(postgres_version: int) -> Iterator[Database]:
    """A server whose transactions may be prepared: there NOTIFY would be an error at PREPARE TRANSACTION."""
    with server_with_lms(postgres_version, max_prepared_transactions="5") as database:
        yield database


async def test_a_sign_up_may_be_prepared_and_is_enrolled_when_it_commits(
    preparing: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    start_daemon(preparing, heartbeat_seconds=300, sample_seconds=3000).wait_ready("leading")
    app = await asyncpg.connect(preparing.url)
    await app.execute("insert into courses (title) values ('a')")
    for number in range(3):
        await app.execute(f"begin; {SIGN_UP}; prepare transaction 'sign-up {number}'")
        await app.execute(SIGN_UP)
        await eventually(app, "select enrollments from courses", equals=number + 1)
    for number in range(3):
        await app.execute(f"commit prepared 'sign-up {number}'")
    await eventually(app, "select enrollments from courses", equals=6)
    assert await app.fetch("select * from listener.course_drift") == []
    await app.close()
