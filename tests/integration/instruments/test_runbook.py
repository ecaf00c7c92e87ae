"""Alerts that no code of the list of problems stands for: each is made, fires in a real Prometheus with shortened
windows, and ends once the commands of its section in the runbook were followed, word for word."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.instruments.test_runbook_load import QUEUE, SLOW
from tests.support import pgbouncer, runbook, troubles
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.prometheus import PROGRAM, RULES, Prometheus
from tests.support.troubles import ALERTS, HOLDING
from tests.support.wire import Wire

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
        self.standbys: list[DaemonProcess] = []
        self.prometheus = Prometheus(self.address, hurried=True)

    @property
    def address(self) -> str:
        """Of the daemon's port."""
        return f"127.0.0.1:{self.daemon.port}"

    async def run(self, url: str, **settings: object) -> None:
        """A daemon in place of the one that runs, on the same port."""
        self.daemon.clean_up()
        self.daemon = DaemonProcess(url, QUICK | settings, port=self.daemon.port, cold=False)
        await asyncio.to_thread(self.daemon.wait_ready, "leading")

    def clean_up(self) -> None:
        self.prometheus.clean_up()
        for each in (self.daemon, *self.standbys):
            each.clean_up()

    async def follow(self, alert: str, command: str, **values: object) -> None:
        await runbook.follow(self.database.url, self.app, alert, command, **values)


Fault = Callable[[School], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def no_daemon_runs(school: School) -> AsyncIterator[None]:
    school.daemon.kill()
    yield
    runbook.command("ListenerNoLeader", "listener run")
    await school.run(school.database.url)


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


@asynccontextmanager
async def the_job_leaves_service_discovery(school: School) -> AsyncIterator[None]:
    school.prometheus.scrape()
    yield
    runbook.says("ListenerGone", "No command mends this")
    school.prometheus.scrape(school.address)


@asynccontextmanager
async def nothing_can_be_sampled(school: School) -> AsyncIterator[None]:
    """Somebody locks a table that only samples read."""
    holder: Connection = await connect(school.database.url)
    await holder.execute("begin; lock table listener.problem")
    yield
    holding = runbook.command("ListenerStalled", HOLDING)
    pid = holder.get_server_pid()
    assert await school.app.fetchval(f"select $1 in (select pid from ({holding}) as found)", pid)
    await school.follow("ListenerStalled", "select pg_terminate_backend(PID)", PID=pid)
    holder.terminate()


@asynccontextmanager
async def notifications_do_not_get_through(school: School) -> AsyncIterator[None]:
    between = Wire(school.database.server.port)
    through = school.database.url.replace(f":{between.target_port}/", f":{between.port}/")
    try:
        await school.run(through, heartbeat_seconds=0.3)
        between.swallows_notifications = True
        yield
        runbook.command("ListenerDeaf", "listener run")
        await school.run(school.database.url)
    finally:
        between.stop()


@asynccontextmanager
async def a_pooler_is_in_between(school: School) -> AsyncIterator[None]:
    between = PgBouncer(school.database.server, "transaction").start()
    try:
        await school.run(between.url(school.database.name))
        yield
        runbook.command("ListenerPolling", "listener run")
        await school.run(school.database.url)
    finally:
        between.stop()


@asynccontextmanager
async def the_standby_goes(school: School) -> AsyncIterator[None]:
    standby = DaemonProcess(school.database.url, dict(QUICK), cold=False)
    had = "select count(*) from listener.problem where code = 'had_standby'"
    await eventually(school.app, had, equals=1, seconds=30)
    standby.clean_up()
    yield
    runbook.command("ListenerNoStandby", "listener run")
    school.standbys.append(DaemonProcess(school.database.url, dict(QUICK), cold=False))


@asynccontextmanager
async def a_student_comes_past_a_rule_by_query(school: School) -> AsyncIterator[None]:
    query = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"
    await asyncio.to_thread(lambda: listener(school.database.url, "install", "--wanted-query", query))
    blind = "select count(*) from listener.blind_note"
    await eventually(school.app, blind, equals=0, seconds=30)
    await school.app.execute(
        "set session_replication_role = replica;"
        "insert into profiles (role) values ('student');"
        "reset session_replication_role"
    )
    yield
    runbook.says("ListenerRouteMissed", "it ends by itself")


OF_A_FLEET = {"ListenerSchoolWrong"}
"""Made in `fleet/test_files.py`."""

OF_THE_DAEMON: dict[Fault, set[str]] = {
    no_daemon_runs: {"ListenerDown", "ListenerNoLeader"},
    the_job_leaves_service_discovery: {"ListenerGone", "ListenerNoLeader"},
    nothing_can_be_sampled: {"ListenerStalled"},
    notifications_do_not_get_through: {"ListenerDeaf"},
    a_pooler_is_in_between: {"ListenerPolling"},
    the_standby_goes: {"ListenerNoStandby"},
}

FAULTS: dict[Fault, set[str]] = {
    nothing_is_installed: {"ListenerNotConnected"},
    a_trigger_counts_beside_us: {"ListenerForeignTriggers"},
    somebody_moves_a_count_again_and_again: {"ListenerDriftReturning"},
    students_are_written_past_the_triggers: {"ListenerWantedMissing"},
    enrollments_are_written_past_the_triggers: {"ListenerCountDrift"},
    a_student_comes_past_a_rule_by_query: {"ListenerRouteMissed"},
    a_transaction_is_open_for_long: {"ListenerOldTransaction"},
}


async def until(firing: Callable[[], bool], what: str) -> None:
    """Wait, while this session's own tasks go on."""
    await asyncio.to_thread(wait_until, firing, what, SECONDS)


async def fires_and_ends(school: School, fault: Fault, alerts: set[str]) -> None:
    """While the fault lasts, and once the runbook was followed."""
    firing = school.prometheus.firing
    await until(lambda: not alerts & firing(), f"{alerts} do not fire yet")
    async with fault(school):
        await until(lambda: alerts <= firing(), f"{alerts} fire")
    await until(lambda: not alerts & firing(), f"{alerts} do not fire any more")
    url = school.database.url
    await asyncio.to_thread(_in_sync, url)


def _in_sync(url: str) -> None:
    """Wait until `diagnose` finds nothing; fail with what it finds."""
    found = [listener(url, "diagnose", check=False)]

    def look() -> bool:
        found[0] = listener(url, "diagnose", check=False)
        return found[0].returncode == 0

    try:
        wait_until(look, "diagnose finds nothing", SECONDS)
    except AssertionError as error:
        error.add_note(found[0].stdout + found[0].stderr)
        raise


@pytest.fixture
async def school(database: Database, connection: Connection, course: None) -> AsyncIterator[School]:
    school = School(database, connection)
    await asyncio.to_thread(school.prometheus.wait_scraped)
    yield school
    school.clean_up()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.half
async def test_each_alert_fires_and_ends_by_what_the_runbook_says(school: School, fault: Fault) -> None:
    await fires_and_ends(school, fault, FAULTS[fault])


async def test_alerts_about_the_daemon_itself_do_so_one_after_the_other(school: School) -> None:
    for fault, alerts in OF_THE_DAEMON.items():
        if fault is not a_pooler_is_in_between or pgbouncer.PROGRAM is not None:
            await fires_and_ends(school, fault, alerts)


def test_every_alert_is_made_under_a_real_prometheus() -> None:
    made = {ALERTS[code] for codes in troubles.FAULTS.values() for code in codes}
    made = made.union(*FAULTS.values(), *OF_THE_DAEMON.values(), QUEUE, SLOW, OF_A_FLEET)
    assert made == set(re.findall(r"- alert: (\w+)", (RULES / "alerts.yml").read_text(encoding="utf-8")))
