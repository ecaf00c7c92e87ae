"""Two that both lead, without the lock that should prevent it: the checkpoint's key lets one of them through."""

from collections.abc import Callable

import anyio

from listener import logs
from listener.daemon.doorbell import Doorbell
from listener.daemon.leader import Leader
from listener.database.connection import Connection, tune
from listener.errors import Fenced
from listener.instruments.instruments import Instruments
from listener.settings import Settings
from tests.conftest import Database
from tests.support import workload
from tests.support.connecting import connect

LOCK = 1279873876
"""The first number of all locks of ours. A leader who holds none with it gives up."""


async def lead(database: Database, number: int, stop: anyio.Event, fenced: Callable[[], None]) -> None:
    """Lead on a connection whose lock keeps nobody out, and again whenever the other one was first."""
    settings = Settings.model_validate({"batch_size": 20, "heartbeat_seconds": 1, "statement_seconds": 30})
    log = logs.configure("error", "json")
    while not stop.is_set():
        connection: Connection = await connect(database.url)
        try:
            await tune(connection)
            doorbell = Doorbell(connection)
            await doorbell.listen()
            await connection.execute(f"select pg_advisory_lock({LOCK}, {100 + number})")
            leader = Leader(connection, doorbell, settings, Instruments.of_daemon(1.0, log))
            await leader.main_loop(stop.is_set)
        except Fenced:
            fenced()
        finally:
            connection.terminate()


async def test_two_leaders_apply_nothing_twice(database: Database, connection: Connection) -> None:
    await connection.execute(workload.SCHEMA)
    stop = anyio.Event()
    times_fenced = 0

    def fenced() -> None:
        nonlocal times_fenced
        times_fenced += 1

    async def until_fenced_often() -> None:
        with anyio.fail_after(60):
            while times_fenced < 25:  # noqa: ASYNC110 - a condition, with a limit
                await anyio.sleep(0.05)

    async with anyio.create_task_group() as tasks:
        for number in range(2):
            tasks.start_soon(lead, database, number, stop, fenced)
        await workload.during(database.url, "two leaders", until_fenced_often)
        await workload.settled(connection)
        stop.set()
