"""Alerts that no code of the list of problems stands for: each is made, fires in a real Prometheus with shortened
windows, and ends once the commands of its section in the runbook were followed, word for word."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import runbook
from tests.support.connecting import connect
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.prometheus import PROGRAM, Prometheus

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="prometheus is not installed (Debian: prometheus)"),
    pytest.mark.timeout(300),
]

QUICK: dict[str, object] = {"heartbeat_seconds": 1, "sample_seconds": 0.2, "audit_seconds": 0.4}
SECONDS = 60.0

OF_ITS_OWN = """
create function count_by_hand() returns trigger language plpgsql as $$
begin
    update courses set enrollments = enrollments + 1 where id = new.course_id;
    return null;
end $$;
create trigger count_by_hand after insert on enrollments for each row execute function count_by_hand();
"""


class School:
    """A database, its daemon, and somebody who follows the runbook."""

    def __init__(self, database: Database, app: Connection) -> None:
        self.database = database
        self.app = app
        self.daemon = DaemonProcess(database.url, dict(QUICK), cold=False).wait_ready("leading")

    async def follow(self, alert: str, command: str, **values: object) -> None:
        await runbook.follow(self.database.url, self.app, alert, command, **values)


Fault = Callable[[School], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def no_daemon_runs(school: School) -> AsyncIterator[None]:
    school.daemon.kill()
    yield
    runbook.command("ListenerNoLeader", "listener run")
    school.daemon = DaemonProcess(school.database.url, dict(QUICK), port=school.daemon.port, cold=False)


@asynccontextmanager
async def nothing_is_installed(school: School) -> AsyncIterator[None]:
    await school.app.execute("drop schema listener cascade")
    yield
    await school.follow("ListenerNotConnected", "listener install")


@asynccontextmanager
async def a_trigger_counts_beside_us(school: School) -> AsyncIterator[None]:
    await school.app.execute(OF_ITS_OWN)
    yield
    await school.follow("ListenerForeignTriggers", "listener install --take-over")


@asynccontextmanager
async def somebody_moves_a_count_again_and_again(school: School) -> AsyncIterator[None]:
    moving = asyncio.create_task(move(school.database.url))
    yield
    await school.follow("ListenerDriftReturning", "listener install --count-columns none")
    moving.cancel()


async def move(url: str) -> None:
    """A job of the LMS's that counts by itself, and wrongly."""
    app: Connection = await connect(url)
    try:
        while True:
            await app.execute("update courses set enrollments = enrollments + 1")
            await asyncio.sleep(0.2)
    finally:
        app.terminate()


@asynccontextmanager
async def students_are_written_past_the_triggers(school: School) -> AsyncIterator[None]:
    await school.app.execute(
        "set session_replication_role = replica;"
        "insert into profiles (role) select 'student' from generate_series(1, 3);"
        "reset session_replication_role"
    )
    yield
    await school.follow("ListenerWantedMissing", "listener sync")


@asynccontextmanager
async def enrollments_are_written_past_the_triggers(school: School) -> AsyncIterator[None]:
    await school.app.execute("insert into profiles (role) values ('guest')")
    await school.app.execute(
        "set session_replication_role = replica;"
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses;"
        "reset session_replication_role"
    )
    yield
    await school.follow("ListenerCountDrift", "listener sync")


@asynccontextmanager
async def a_transaction_is_open_for_long(school: School) -> AsyncIterator[None]:
    other: Connection = await connect(school.database.url)
    await other.execute("begin; select pg_current_xact_id()")
    yield
    await school.follow("ListenerOldTransaction", "select pg_terminate_backend(PID)", PID=other.get_server_pid())
    other.terminate()


FAULTS: dict[Fault, set[str]] = {
    no_daemon_runs: {"ListenerDown", "ListenerNoLeader"},
    nothing_is_installed: {"ListenerNotConnected"},
    a_trigger_counts_beside_us: {"ListenerForeignTriggers"},
    somebody_moves_a_count_again_and_again: {"ListenerDriftReturning"},
    students_are_written_past_the_triggers: {"ListenerWantedMissing"},
    enrollments_are_written_past_the_triggers: {"ListenerCountDrift"},
    a_transaction_is_open_for_long: {"ListenerOldTransaction"},
}


async def until(firing: Callable[[], bool], what: str) -> None:
    """Wait, while this session's own tasks go on."""
    await asyncio.to_thread(wait_until, firing, what, SECONDS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.half
async def test_each_alert_fires_and_ends_by_what_the_runbook_says(
    database: Database, connection: Connection, course: None, fault: Fault
) -> None:
    school, alerts = School(database, connection), FAULTS[fault]
    prometheus = Prometheus(f"127.0.0.1:{school.daemon.port}", hurried=True)
    try:
        await asyncio.to_thread(prometheus.wait_scraped)
        await until(lambda: not alerts & prometheus.firing(), f"{alerts} do not fire yet")
        async with fault(school):
            await until(lambda: alerts <= prometheus.firing(), f"{alerts} fire")
        await until(lambda: not alerts & prometheus.firing(), f"{alerts} do not fire any more")
        assert listener(database.url, "diagnose", check=False).returncode == 0
    finally:
        prometheus.clean_up()
        school.daemon.clean_up()
