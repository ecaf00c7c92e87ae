"""An LMS is migrated at random, under load, with the daemon at work: no migration is refused, no statement fails
because of the listener, renames are followed without a command, and in the end nobody is missing, nobody twice, every
count exact.

A seed replays the same migrations; their timing is the machine's. Run one with `--seed SEED`, 200 with `--long`, or so
many with `--histories`.
"""

import random
from collections.abc import Callable, Iterator

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database, install_script
from tests.support import lms, migrations, workload
from tests.support.process import DaemonProcess

HISTORIES = 1
LONG_HISTORIES = 200
STEPS = 10
SETTINGS = {"heartbeat_seconds": 0.4, "audit_seconds": 2, "batch_size": 200}

OF_THE_APPLICATION_S_OWN = {
    "42703",  # a column was renamed just before
    "42P01",  # a table was
    "3F000",
    "40P01",  # a deadlock with the migration
    "55P03",  # a lock that it asked for with a limit
    "23503",  # a course or a profile that somebody deleted just before
    "42804",  # a name that stands for another column now
    "22P02",
    "42883",
    "23502",
}


async def history(database: Database, seed: int) -> int:
    """One history; the number of transactions that it committed."""
    connection = await asyncpg.connect(database.url)
    try:
        return await migrated_at_work(connection, database, seed)
    finally:
        await connection.close()


async def migrated_at_work(connection: Connection, database: Database, seed: int) -> int:
    migrator = migrations.Migrator(connection, seed)
    dice = random.Random(seed)
    refusals: list[workload.Refusal] = []

    async def migrate() -> None:
        for _ in range(STEPS):
            await anyio.sleep(dice.uniform(0, 0.5))
            await migrator.step()
        await anyio.sleep(0.2)

    commits = await workload.during(database.url, str(seed), migrate, 4, migrator.names, refusals)
    blamed = [refusal for refusal in refusals if "listener" in refusal.message]
    strange = [refusal for refusal in refusals if refusal.code not in OF_THE_APPLICATION_S_OWN]
    assert not blamed, blamed[:3]
    assert not strange, strange[:3]
    await workload.settled(connection, names=migrator.names)
    return commits


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Iterator[Callable[[], tuple[Database, DaemonProcess]]]:
    """Makes an LMS with a daemon."""
    started: list[DaemonProcess] = []

    def make() -> tuple[Database, DaemonProcess]:
        database = make_database(empty=True)
        database.server.psql(database.name, lms.schema() + migrations.SCHEMA)
        database.server.psql(database.name, install_script(database.url))
        started.append(DaemonProcess(database.url, dict(SETTINGS)).wait_ready("leading"))
        return database, started[-1]

    yield make
    for daemon in started:
        daemon.clean_up()


@pytest.mark.timeout(0)
def test_whatever_the_lms_is_migrated_to_nothing_fails_and_nothing_is_lost(
    school: Callable[[], tuple[Database, DaemonProcess]],
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = pytestconfig.getoption("--seed")
    asked = pytestconfig.getoption("--histories") or (LONG_HISTORIES if pytestconfig.getoption("--long") else None)
    seeds = [given] if given is not None else [random.randrange(10**9) for _ in range(asked or HISTORIES)]
    commits = 0
    for number, seed in enumerate(seeds, 1):
        database, daemon = school()
        print(f"history {number}: --seed {seed}")
        try:
            commits += anyio.run(history, database, seed)
        except BaseException:
            print(
                "\n".join(
                    line for line in daemon.text().splitlines() if "student_" not in line and "count_" not in line
                )
            )
            raise
        assert daemon.events("mapping_followed")
        assert not daemon.events("connection_lost")
        assert not [line for line in daemon.text().splitlines() if not line.startswith("{")]
        daemon.clean_up()
        if asked:
            with capsys.disabled():
                print(f"\r{number} histories, {commits} transactions", end="")
    assert commits > 100
