"""Somebody with a login and no rights at all holds the bell: no sign-up pays for it, and the work goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import anyio
import asyncpg
import pytest

from listener.daemon import doorbell
from listener.daemon.doorbell import Doorbell
from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.bell import HELD
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import two_versions, wait_until
from tests.support.process import DaemonProcess
from tests.support.strangers import BELL, CLASS, Stranger, strangers

Start = Callable[..., DaemonProcess]

SIGN_UP = "insert into profiles (role) values ('student')"
ENROLLED = "select count(*) from enrollments"


@pytest.fixture(scope="module", params=two_versions())
def postgres_version(request: pytest.FixtureRequest) -> int:
    """Both."""
    version: int = request.param
    return version


@pytest.fixture
async def stranger(database: Database) -> AsyncIterator[Stranger]:
    async with strangers(database) as connect:
        yield connect


@pytest.fixture
async def rings(database: Database) -> AsyncIterator[list[str]]:
    """What was heard on the channel, but for heartbeats."""
    connection: Connection = await asyncpg.connect(database.url)
    heard: list[str] = []

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload != "heartbeat":
            heard.append(str(payload))

    await connection.add_listener("listener", hear)
    yield heard
    connection.terminate()


async def all_heard(connection: Connection, rings: list[str]) -> list[str]:
    """All that was sent before now: notifications come in the order of the commits."""
    await connection.execute("select pg_notify('listener', 'mark')")
    with anyio.fail_after(10):
        while "mark" not in rings:  # noqa: ASYNC110 - a condition, with a limit
            await anyio.sleep(0.01)
    heard = [each for each in rings if each != "mark"]
    rings.clear()
    return heard


async def test_attacker_at_the_bell_makes_nobody_ring_while_no_daemon_runs(
    connection: Connection, stranger: Stranger, rings: list[str]
) -> None:
    await (await stranger()).execute(BELL)
    for _ in range(10):
        await connection.execute(SIGN_UP)
    assert await all_heard(connection, rings) == []


async def test_attacker_at_the_bell_makes_nobody_ring_long_after_a_daemon_has_died(
    database: Database, connection: Connection, stranger: Stranger, rings: list[str], start_daemon: Start
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    await eventually(connection, HELD, equals=1)
    daemon.kill()
    await (await stranger()).execute(BELL)
    is_over = "select last_value < extract(epoch from clock_timestamp()) from listener.bell"
    await eventually(connection, is_over, equals=True)
    await all_heard(connection, rings)
    for _ in range(10):
        await connection.execute(SIGN_UP)
    assert await all_heard(connection, rings) == []


@pytest.mark.parametrize("manner", ["pg_advisory_lock", "pg_advisory_lock_shared"])
async def test_attacker_at_the_bell_costs_nobody_a_ring_and_delays_nobody_for_long(
    database: Database,
    connection: Connection,
    stranger: Stranger,
    rings: list[str],
    start_daemon: Start,
    manner: str,
) -> None:
    await connection.execute("insert into courses (title) values ('a')")
    attacker = await stranger()
    await attacker.execute(f"select {manner}({CLASS}, 2)")
    daemon = start_daemon(database, heartbeat_seconds=5).wait_ready("leading")
    daemon.told("lock_squatted")
    await all_heard(connection, rings)
    for number in range(1, 11):
        await connection.execute(SIGN_UP)
        await eventually(connection, ENROLLED, equals=number, seconds=1)
    assert await all_heard(connection, rings) == []
    assert len(daemon.events("lock_squatted")) == 1


@pytest.fixture
async def bell(database: Database) -> AsyncIterator[Doorbell]:
    """A leader's, after its first heartbeat."""
    connection: Connection = await asyncpg.connect(database.url)
    bell = Doorbell(connection)
    await bell.listen()
    await bell.heartbeat(5, arms=True)
    yield bell
    connection.terminate()


async def test_attacker_who_waits_at_the_bell_gets_it_when_the_daemon_is_busy_and_nobody_rings_for_long(
    connection: Connection, stranger: Stranger, rings: list[str], bell: Doorbell
) -> None:
    assert await bell.hold()
    attacker = await stranger()
    waits = asyncio.create_task(attacker.execute(BELL))
    waiting = f"select count(*) from pg_locks where not granted and objid = 2 and {LOCKED_HERE}"
    await eventually(connection, waiting, equals=1)
    await connection.execute(SIGN_UP)
    assert await all_heard(connection, rings) == [""], "the daemon sleeps"
    await bell.release()
    await waits
    assert await bell.look_for_strangers()
    for _ in range(10):
        await connection.execute(SIGN_UP)
    await bell.heartbeat(5, arms=True)
    await connection.execute(SIGN_UP)
    assert await all_heard(connection, rings) == []


async def test_the_bell_is_held_and_rung_again_some_time_after_a_stranger_has_left_it(
    connection: Connection,
    stranger: Stranger,
    rings: list[str],
    bell: Doorbell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorbell, "REST_SECONDS", 2.0)
    attacker = await stranger()
    await attacker.execute(BELL)
    assert await bell.look_for_strangers()
    await attacker.close()
    assert not await bell.hold(), "not at once: a stranger may come and go"
    await connection.execute(SIGN_UP)
    wait_until(lambda: not bell.rests, "it has rested")
    assert await bell.hold()
    await connection.execute(SIGN_UP)
    assert await all_heard(connection, rings) == [""]


async def test_attacker_can_neither_arm_the_bell_nor_disarm_it(stranger: Stranger) -> None:
    attacker = await stranger()
    for attempt in (
        "select listener.arm_bell(0)",
        "select setval('listener.bell', 0)",
        "select nextval('listener.bell')",
        "select last_value from listener.bell",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attacker.execute(attempt)


async def test_a_writer_whose_snapshot_is_old_rings_all_the_same(
    database: Database, connection: Connection, rings: list[str], start_daemon: Start
) -> None:
    """The number that arms the bell is no row."""
    writer: Connection = await asyncpg.connect(database.url)
    try:
        async with writer.transaction(isolation="repeatable_read"):
            await writer.execute("select from profiles")
            start_daemon(database, heartbeat_seconds=5).wait_ready("leading")
            await eventually(connection, HELD, equals=1)
            await writer.execute(SIGN_UP)
        assert await all_heard(connection, rings) == [""]
    finally:
        writer.terminate()
