"""Queries of every shape are followed by daemons that are killed, while clients write at random into what is read.

One shape in each run; all of them, time and again, with `--long`. `--seed SEED` does the same again; the timing is the
machine's.
"""

import random
from collections.abc import Callable

import anyio
import anyio.to_thread
import asyncpg
import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import DaemonProcess
from tests.support.shapes import tables
from tests.support.shapes.following import settings, wrong
from tests.support.shapes.queries import ACCEPTED

CLIENTS = 3
ROUNDS = 4
LONG_TURNS = 5
SECONDS = 20.0
"""Two are enough, but on a busy machine."""
DAEMON: dict[str, object] = {"heartbeat_seconds": 0.4, "audit_seconds": 3600, "batch_size": 50}


async def write(url: str, dice: tables.Dice, read: list[str], count: int) -> None:
    """As one client of the LMS; what two of them cannot do at once, one does not do."""
    app = await connect(url)
    try:
        for _ in range(count):
            statements = dice.transaction(read)
            try:
                async with app.transaction():
                    for each in statements:
                        await app.execute(each)
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError):
                continue
    finally:
        app.terminate()


async def right(app: Connection, query: str) -> None:
    """Wait until everybody is where the query wants them."""
    found = None
    with anyio.move_on_after(SECONDS):
        while (found := await wrong(app, query)) != (set(), set()):  # noqa: ASYNC110 - the database tells nobody
            await anyio.sleep(0.05)
    assert found == (set(), set()), f"{query}\nmissing, unwanted: {found}"


class History:
    """One query, and its daemon."""

    def __init__(self, database: Database, name: str, seed: str) -> None:
        self._database = database
        self._name = name
        self._seed = seed
        self.daemon: DaemonProcess | None = None

    async def live(self) -> None:
        query = ACCEPTED[self._name]
        app = await connect(self._database.url)
        try:
            await app.execute(tables.TABLES + tables.ROWS)
            mapping = await discover(app, settings(query, self._name))
            await app.execute(install.script(mapping))
            read = [each.table.name for each in mapping.watched]
            crew = [tables.Dice(f"{self._seed}/{number}") for number in range(CLIENTS)]
            self.daemon = DaemonProcess(self._database.url, dict(DAEMON))
            for number in range(ROUNDS):
                async with anyio.create_task_group() as tasks:
                    for dice in crew:
                        tasks.start_soon(write, self._database.url, dice, read, 6)
                    if number in (1, ROUNDS - 1):
                        await self._kill()
                await right(app, query)
        finally:
            await app.close()

    async def _kill(self) -> None:
        assert self.daemon is not None
        await anyio.to_thread.run_sync(self.daemon.wait_ready)
        self.close()
        self.daemon = DaemonProcess(self._database.url, dict(DAEMON))

    def close(self) -> None:
        """End the daemon."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.clean_up()


@pytest.mark.timeout(0)
def test_whatever_is_killed_everybody_is_where_the_query_wants_them(
    make_database: Callable[..., Database], pytestconfig: pytest.Config
) -> None:
    given = pytestconfig.getoption("--seed")
    seed = str(random.randrange(10**6) if given is None else given)
    names = (
        list(ACCEPTED) * LONG_TURNS if pytestconfig.getoption("--long") else random.Random(seed).sample([*ACCEPTED], 1)
    )
    for number, name in enumerate(names):
        print(f"{name}: --seed {seed}, {number}")
        history = History(make_database(empty=True), name, f"{seed} {number}")
        try:
            anyio.run(history.live)
        except BaseException:
            print("" if history.daemon is None else history.daemon.text()[-3000:])
            raise
        finally:
            history.close()
