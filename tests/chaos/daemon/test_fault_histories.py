"""A workload goes on while faults strike at random: nobody missing, nobody twice, every count exact.

A seed replays the same actions and the same faults; their timing is the machine's. Run one with
`pytest tests/chaos/daemon/test_fault_histories.py --seed SEED`, 1,000 with `--long`, or so many with `--histories`.
"""

import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator

import anyio
import anyio.to_thread
import asyncpg
import pytest

from tests.conftest import Database, install_script
from tests.support import lms, workload
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

HISTORIES = 2
LONG_HISTORIES = 1000
FAULTS = 4
SETTINGS = {"heartbeat_seconds": 0.5, "batch_size": 100, "log_level": "info"}


class School:
    """A server, a database and two daemons, and what can befall them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.daemons: list[DaemonProcess] = []
        self.told: list[str] = []

    def keep_two(self) -> None:
        """Replace the daemons that died."""
        alive = []
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                alive.append(daemon)
            else:
                self._look_at(daemon)
                daemon.clean_up()
        while len(alive) < 2:
            alive.append(DaemonProcess(self.database.url, SETTINGS))
        self.daemons = alive

    def _look_at(self, daemon: DaemonProcess) -> None:
        """The audit found nothing to repair, and nothing was logged that is no event."""
        self.told += [event["event"] for event in daemon.events() if event["event"] == "drift_repaired"]
        self.told += [line for line in daemon.text().splitlines() if not line.startswith("{")]

    def check_logs(self) -> None:
        """Fail if a daemon told of what must not happen."""
        for daemon in self.daemons:
            self._look_at(daemon)
        assert self.told == []

    async def kill_one(self, dice: random.Random) -> None:
        dice.choice(self.daemons).kill()
        await anyio.sleep(dice.random())
        self.keep_two()

    async def kill_both(self, dice: random.Random) -> None:
        for daemon in self.daemons:
            daemon.kill()
        await anyio.sleep(dice.random())
        self.keep_two()

    async def stop_one(self, dice: random.Random) -> None:
        daemon = dice.choice(self.daemons)
        while not daemon.events("starting"):  # noqa: ASYNC110 - until then nobody has said what SIGTERM means
            await anyio.sleep(0.05)
        await anyio.to_thread.run_sync(daemon.stop)
        assert daemon.process.returncode == 0
        self.keep_two()

    async def terminate_sessions(self, _dice: random.Random) -> None:
        terminate = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'listener' and datname = current_database()"
        )
        await anyio.to_thread.run_sync(self.database.server.psql, self.database.name, terminate)

    async def crash_server(self, dice: random.Random) -> None:
        await anyio.to_thread.run_sync(self.database.server.restart, dice.choice(["immediate", "fast"]))

    async def freeze(self, dice: random.Random) -> None:
        frozen = dice.choice(self.daemons)
        frozen.process.send_signal(signal.SIGSTOP)
        await anyio.sleep(dice.uniform(0.1, 3))
        frozen.process.send_signal(signal.SIGCONT)

    async def hold_course(self, dice: random.Random) -> None:
        await self._hold("update courses set title = title where price = 1", dice)

    async def hold_snapshot(self, dice: random.Random) -> None:
        await self._hold("set transaction isolation level repeatable read; select count(*) from profiles", dice)

    async def _hold(self, statements: str, dice: random.Random) -> None:
        holder = await asyncpg.connect(self.database.url)
        try:
            await holder.execute(f"begin; {statements}")
            await anyio.sleep(dice.uniform(0.1, 1.5))
        finally:
            holder.terminate()

    @property
    def faults(self) -> list[Callable[[random.Random], Awaitable[None]]]:
        """All that can strike."""
        return [
            self.kill_one, self.kill_both, self.stop_one, self.terminate_sessions, self.crash_server, self.freeze,
            self.hold_course, self.hold_snapshot,
        ]  # fmt: skip

    async def history(self, seed: int) -> int:
        """One history; the number of transactions that it committed."""
        dice = random.Random(seed)

        async def strike() -> None:
            for fault in dice.choices(self.faults, k=FAULTS):
                await anyio.sleep(dice.uniform(0, 0.4))
                await fault(dice)

        self.keep_two()
        commits = await workload.during(self.database.url, str(seed), strike)
        connection = await asyncpg.connect(self.database.url)
        try:
            await workload.settled(connection)
            await connection.execute("delete from profiles where ctid in (select ctid from profiles limit 10000)")
            await connection.execute("delete from seen where not exists (select from profiles where id = user_id)")
        finally:
            await connection.close()
        self.check_logs()
        return commits


@pytest.fixture
def school(postgres_version: int) -> Iterator[School]:
    server = Server(postgres_version, settings={"deadlock_timeout": "200ms"})
    server.create()
    server.start()
    server.psql("postgres", "create database lms")
    server.psql("lms", lms.schema() + workload.SCHEMA)
    server.psql("lms", install_script(server.url("lms")))
    school = School(Database(server, "lms"))
    yield school
    for daemon in school.daemons:
        daemon.clean_up()
    server.destroy()


@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_happens_twice_whatever_strikes(
    school: School, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    given = pytestconfig.getoption("--seed")
    asked = pytestconfig.getoption("--histories") or (LONG_HISTORIES if pytestconfig.getoption("--long") else None)
    count = asked or HISTORIES
    seeds = [given] if given is not None else [random.randrange(10**9) for _ in range(count)]
    started = time.monotonic()
    commits = 0
    for number, seed in enumerate(seeds, 1):
        print(f"history {number}: --seed {seed}")
        commits += anyio.run(school.history, seed)
        if asked:
            with capsys.disabled():
                print(f"\r{number} histories, {commits} transactions, {time.monotonic() - started:.0f} s", end="")
