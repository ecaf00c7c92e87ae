"""Who should be enrolled and is not, though nothing waits for it, is a figure of the audit and of `listener status`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.campus import BY_PLAN, course, school
from tests.support.connecting import connect
from tests.support.eventually import AUDITED_SECONDS, eventually
from tests.support.explaining import person, unnoted
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

StartDaemon = Callable[..., DaemonProcess]

MISSING = "listener_wanted_missing"


@asynccontextmanager
async def nobody_stays(database: Database) -> AsyncIterator[None]:
    """Somebody deletes every enrollment as soon as it is there."""
    sweeper: Connection = await connect(database.url)

    async def sweep() -> None:
        while True:
            await sweeper.execute("delete from enrollments")
            await asyncio.sleep(0.003)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        sweeper.terminate()


async def until_told(daemon: DaemonProcess) -> None:
    """Wait for the second audit."""
    await asyncio.to_thread(
        wait_until, lambda: bool(daemon.events("wanted_missing")), "it is told at the second audit", AUDITED_SECONDS
    )


async def until_missing(daemon: DaemonProcess, count: int) -> None:
    """Wait for an audit that finds so many."""
    await asyncio.to_thread(
        wait_until, lambda: daemon.metric(MISSING) == count, f"{count} are missing", AUDITED_SECONDS
    )


async def test_under_a_query_each_enrollment_that_is_missing_counts_and_it_is_told_at_the_second_audit(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        await course(connection)
        await course(connection)
        daemon = start_daemon(database, audit_seconds=0.3, log_level="debug").wait_ready("leading")
        await eventually(connection, "select count(*) from listener.blind_note", equals=0)
        async with nobody_stays(database):
            await person(connection)
            await until_missing(daemon, 2)
            await until_told(daemon)
        (told,) = daemon.events("wanted_missing")
        assert told["count"] == 2
        before = daemon.events()[: daemon.events().index(told)]
        assert len([each for each in before if each["event"] == "audited" and each["missing"]]) == 1
        await eventually(connection, "select count(*) from enrollments", equals=2, seconds=30)
        wait_until(lambda: daemon.metric(MISSING) == 0, "nothing is missing", 30)
        assert figure(database) == 0
        assert len(daemon.events("wanted_missing")) == 1


async def test_who_is_pending_or_noted_is_not_missing(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        await connection.execute("delete from listener.blind_note")
        await course(connection)
        await connection.execute("delete from listener.blind_note")
        pending, noted = await unnoted(connection), await person(connection)
        await connection.execute(
            "insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)"
            " values ($1, 'failed', now())",
            pending,
        )
        assert figure(database) == 0, noted
        assert statistics(database)["students_without_enrollment"] == 2
        await connection.execute("delete from listener.pending_enrollment")
        assert figure(database) == 1


async def test_who_the_audit_noted_in_vain_is_missing_and_who_it_notes_now_is_not(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    """A rule that is left to the audit; what it says of all does not agree with what it does for one."""
    database = make_database(installed=False)
    async with school(database, BY_PLAN, watch="payments(audit)") as connection:
        await course(connection, "gold")
        student = await person(connection, "guest")
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        await eventually(connection, "select count(*) from enrollments", equals=1, seconds=30)
        assert not daemon.events("wanted_missing")
        async with nobody_stays(database):
            await until_missing(daemon, 1)
            await until_told(daemon)


async def test_under_the_built_in_rule_it_is_who_was_missed(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 0)")
    await unnoted(connection)
    assert figure(database) == 1
    daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
    wait_until(lambda: daemon.metric(MISSING) == 1, "one student is missing", 30)
    listener(database.url, "sync")
    wait_until(lambda: daemon.metric(MISSING) == 0, "nobody is missing", 30)


def statistics(database: Database) -> dict[str, Any]:
    """What `status --full` says that only a look at every row can tell."""
    done = listener(database.url, "status", "--full", "--json", check=False)
    found: dict[str, Any] = json.loads(done.stdout)["statistics"]
    assert f"wanted, missing: {found['wanted_missing']}" in " ".join(
        listener(database.url, "status", "--full", check=False).stdout.split()
    )
    return found


def figure(database: Database) -> int:
    """How many enrollments are missing, by `status --full`."""
    return int(statistics(database)["wanted_missing"])
