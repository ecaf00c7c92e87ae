"""Sign-ups at rates that change: the bell is taken, let go and taken again, and no wake-up is lost."""

import random
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
import asyncpg
import pytest

from listener.database.connection import Connection
from listener.database.locks import BELL_LOCK, LOCK_CLASS
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

ROUNDS = 10
LONG_ROUNDS = 2000
HEARTBEAT_SECONDS = 60
"""Long enough that a lost wake-up cannot hide behind the look that a heartbeat takes."""


async def test_no_wake_up_is_lost_however_the_rate_changes(
    connection: Connection,
    database: Database,
    start_daemon: Callable[..., DaemonProcess],
    pytestconfig: pytest.Config,
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=HEARTBEAT_SECONDS).wait_ready("leading")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    dice = random.Random(3)
    clients: list[Connection] = [await asyncpg.connect(database.url) for _ in range(4)]
    students = 0

    async def sign_up(client: Connection, count: int, pause: float) -> None:
        for _ in range(count):
            await client.execute("insert into profiles (role) values ('student')")
            await anyio.sleep(pause)

    for _ in range(LONG_ROUNDS if pytestconfig.getoption("--long") else ROUNDS):
        pause = dice.choice([0.0, 0.0, 0.002, 0.02, 0.03])
        count = dice.choice([1, 2, 10, 60]) if pause < 0.02 else dice.choice([1, 2, 10])
        async with anyio.create_task_group() as tasks:
            for client in clients[: dice.randint(1, 4)]:
                students += count
                tasks.start_soon(sign_up, client, count, pause)
        # The last one has nobody after them to ring once more.
        ended_at = time.monotonic()
        await eventually(connection, "select count(*) from enrollments", equals=students)
        assert time.monotonic() - ended_at < 5
        await anyio.sleep(dice.choice([0, 0.01, 0.02, 0.03, 0.1]))
    assert daemon.metric("listener_notifications_total") > 0
    for client in clients:
        await client.close()


BELL_HELD = f"""
    select exists (
        select from pg_locks
        where locktype = 'advisory' and (classid::bigint, objid::bigint) = ({LOCK_CLASS}, {BELL_LOCK})
        and mode = 'ExclusiveLock' and granted
        and {LOCKED_HERE}
    )
"""


@pytest.mark.long
async def test_on_a_slow_disk_writers_do_not_stand_in_line_to_ring(postgres_version: int) -> None:
    """They ring too seldom to be called many, because each waits for the others: the bell was never let go."""
    server = Server(postgres_version, settings={"fsync": "on", "commit_delay": "20000", "commit_siblings": "0"})
    server.create()
    server.start()
    daemon = None
    try:
        server.psql("postgres", "create database lms")
        server.psql("lms", lms.schema())
        server.psql("lms", await anyio.to_thread.run_sync(install_script, server.url("lms")))
        server.psql("lms", "insert into courses (title, price) values ('a', 1)")
        daemon = DaemonProcess(server.url("lms"))
        await anyio.to_thread.run_sync(daemon.wait_ready, "leading")
        clients: list[Connection] = [await asyncpg.connect(server.url("lms")) for _ in range(12)]
        watcher: Connection = await asyncpg.connect(server.url("lms"))
        await eventually(watcher, BELL_HELD, equals=True)

        async def sign_up(client: Connection) -> None:
            while True:
                await client.execute("insert into profiles (role) values ('student')")

        async with anyio.create_task_group() as tasks:
            for client in clients:
                tasks.start_soon(sign_up, client)
            await eventually(watcher, BELL_HELD, equals=False, seconds=5)
            for _ in range(20):
                # Where the clients get no time to sign up, all is quiet, and it is held again for a moment.
                await eventually(watcher, BELL_HELD, equals=False, seconds=5)
                await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        for client in (*clients, watcher):
            client.terminate()
    finally:
        if daemon is not None:
            daemon.clean_up()
        server.destroy()
