"""Sign-ups at rates that change: the bell is taken, let go and taken again, and no wake-up is lost."""

import random
import time
from collections.abc import Callable

import anyio
import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

ROUNDS = 25
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
        # Whoever came last has nobody after them to ring once more.
        ended_at = time.monotonic()
        await eventually(connection, "select count(*) from enrollments", equals=students)
        assert time.monotonic() - ended_at < 5
        await anyio.sleep(dice.choice([0, 0.01, 0.02, 0.03, 0.1]))
    assert daemon.metric("listener_notifications_total") > 0
    for client in clients:
        await client.close()
