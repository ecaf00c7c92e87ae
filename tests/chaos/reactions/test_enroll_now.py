"""Sign-ups that enroll themselves, and are cut off, beside a daemon that is killed and beside `sync`: everyone is
enrolled once, and every count is exact."""

import random
from collections.abc import Callable
from functools import partial

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import all_handled, eventually
from tests.support.exact import INEXACT, MISSING, TWICE
from tests.support.process import DaemonProcess, listener

WRITERS = 4
SIGN_UPS = 100
LONG_SIGN_UPS = 2000
KILLS = 2

CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'app' and datname = current_database() and pid <> pg_backend_pid() order by random() limit 1
"""
SIGN_UP = "insert into profiles (role) values ('student') returning id"
NOW = "select listener.enroll_now($1)"
SOMEBODY = "select listener.enroll_now(id) from profiles tablesample bernoulli (2)"


async def sign_up(database: Database, dice: random.Random, number: int) -> None:
    """One client: by itself, in a transaction of several, rolled back; or for others who are being enrolled."""
    app = None
    for _ in range(number):
        try:
            app = app or await connect(database.url, server_settings={"application_name": "app"})
            transaction = app.transaction()
            await transaction.start()
            for _ in range(dice.randint(1, 3)):
                profile = await app.fetchval(SIGN_UP)
                if dice.random() < 0.7:
                    await app.fetchval(NOW, profile)
            if dice.random() < 0.2:
                await app.execute(SOMEBODY)
            await (transaction.rollback() if dice.random() < 0.1 else transaction.commit())
            if dice.random() < 0.3:
                await app.fetchval(NOW, profile)
        except (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, asyncpg.InternalClientError):
            app = None  # cut off, in the middle of something
        except asyncpg.DeadlockDetectedError:
            await transaction.rollback()
    if app is not None:
        await app.close()


@pytest.mark.usefixtures("course")
async def test_everyone_is_enrolled_once_beside_a_daemon_that_is_killed_and_sync(
    database: Database,
    connection: Connection,
    start_daemon: Callable[..., DaemonProcess],
    request: pytest.FixtureRequest,
) -> None:
    dice = random.Random(request.config.getoption("--seed") or 11)
    number = LONG_SIGN_UPS if request.config.getoption("--long") else SIGN_UPS
    async with anyio.create_task_group() as tasks:
        for seed in range(WRITERS):
            tasks.start_soon(partial(sign_up, database, random.Random(dice.random() + seed), number))
        for _ in range(KILLS):
            daemon = start_daemon(database, batch_size=dice.choice([1, 3, 50])).wait_ready("leading")
            await connection.execute(CUT)
            await anyio.to_thread.run_sync(partial(listener, database.url, "sync", check=False))
            daemon.kill()
    daemon = start_daemon(database).wait_ready("leading")
    await all_handled(connection)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=0, seconds=20)
    await eventually(connection, INEXACT, equals=0)
    assert await connection.fetchval(MISSING) == 0
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetch("select * from listener.course_drift") == []
