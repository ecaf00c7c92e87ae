"""A query says who should be where, and everything that it reads changes at random, while daemons are killed: in the
end everybody is where the query wants them, nobody twice, and nothing was taken back that the listener did not make.

A seed replays the same doings; their timing is the machine's. Run one with `--seed SEED`, 300 with `--long`, or so many
with `--histories`.
"""

import random
from collections.abc import Callable

import anyio
import anyio.to_thread
import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import DaemonProcess
from tests.support.wanted import doings, tables, verdict

HISTORIES = 1
LONG_HISTORIES = 300
CLIENTS = 4
ROUNDS = 6
MOST_TRANSACTIONS = 12
SETTINGS = {"heartbeat_seconds": 0.4, "audit_seconds": 3600, "batch_size": 50}


class School:
    """One history: a rule, and what becomes of those who leave, by the seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._seed = seed
        self._dice = random.Random(seed)
        self.rule = list(tables.RULES)[seed % len(tables.RULES)]
        self.on_leave = self._dice.choice(tables.ON_LEAVE)
        self.keys = tables.Keys(
            unique=self._dice.random() < 0.5, referred=self._dice.random() < 0.7, counted=self._dice.random() < 0.7
        )
        self.daemons: list[DaemonProcess] = []

    async def history(self) -> int:
        """Live it; the number of transactions that were committed."""
        connection = await connect(self._database.url)
        try:
            await connection.execute(tables.schema(self.keys))
            found = await discover(connection, tables.settings(self.rule, self.on_leave))
            await connection.execute(install.script(found))
            crew = [
                doings.Client(self._database.url, doings.Doings(random.Random(f"{self._seed}/{number}"), self.keys))
                for number in range(CLIENTS)
            ]
            self._start(self._dice.choice([1, 1, 2]))
            for number in range(ROUNDS):
                await self._live(crew, kills=number in (1, ROUNDS - 1))
                await self._check(connection)
            refusals = [refusal for client in crew for refusal in client.refusals]
            assert not refusals, refusals[:3]
            return sum(client.commits for client in crew)
        finally:
            await connection.close()

    async def _live(self, crew: list[doings.Client], *, kills: bool) -> None:
        async with anyio.create_task_group() as tasks:
            for client in crew:
                tasks.start_soon(client.run, self._dice.randint(1, MOST_TRANSACTIONS))
            if kills:
                await self._kill()

    async def _kill(self) -> None:
        await anyio.to_thread.run_sync(self.daemons[0].wait_ready)
        await anyio.sleep(self._dice.uniform(0, 0.3))
        for daemon in self.daemons:
            daemon.kill()
            self._look_at(daemon)
            daemon.clean_up()
        self.daemons.clear()
        self._start(self._dice.choice([1, 1, 2]))

    async def _check(self, connection: Connection) -> None:
        await verdict.settled(connection)
        assert await verdict.problems(connection, self.rule, self.on_leave, self.keys) == []
        # What people have done to enrollments themselves, no note tells of. A look at everyone finds it; then
        # nothing is left.
        if self._dice.random() < 0.5:
            await connection.execute("select listener.note_blindly('profiles', 'test', '00000')")
            await verdict.settled(connection)
            assert await verdict.problems(connection, self.rule, self.on_leave, self.keys) == []
            assert [tuple(row) for row in await connection.fetch("select * from listener.astray()")] == []

    def _start(self, count: int) -> None:
        self.daemons += [DaemonProcess(self._database.url, dict(SETTINGS)) for _ in range(count)]

    def _look_at(self, daemon: DaemonProcess) -> None:
        """Nothing was logged that is no event."""
        assert [line for line in daemon.text().splitlines() if not line.startswith("{")] == []

    def close(self) -> None:
        """End the daemons."""
        for daemon in self.daemons:
            daemon.clean_up()


@pytest.mark.timeout(0)
def test_in_the_end_everybody_is_where_the_query_wants_them(
    make_database: Callable[..., Database], pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    given = pytestconfig.getoption("--seed")
    asked = pytestconfig.getoption("--histories") or (LONG_HISTORIES if pytestconfig.getoption("--long") else None)
    count = asked or HISTORIES
    rules = len(tables.RULES)
    first = random.randrange(rules)
    # Each rule in its turn.
    drawn = [random.randrange(10**9) * rules + (first + each) % rules for each in range(count)]
    seeds = drawn if given is None else [given]
    commits = 0
    for number, seed in enumerate(seeds, 1):
        school = School(make_database(empty=True), seed)
        print(f"history {number}: --seed {seed} ({school.rule}, {school.on_leave}, {school.keys})")
        try:
            commits += anyio.run(school.history)
        except BaseException:
            print("\n".join(daemon.text() for daemon in school.daemons)[-5000:])
            raise
        finally:
            school.close()
        if asked:
            with capsys.disabled():
                print(f"\r{number} histories, {commits} transactions", end="")
    assert commits > 10
