"""SIGTERM finishes the statement in hand; a second one does not wait; so too as the first process of a container."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"
ACTIVE = """
select count(*) from pg_stat_activity
where application_name = 'listener' and datname = current_database() and wait_event = 'PgSleep'
"""

LED = """
select count(*) from pg_locks
where locktype = 'advisory' and objid = 1
    and database = (select oid from pg_database where datname = current_database())
"""


async def slow_enrollment(connection: Connection, seconds: float) -> None:
    """Make the daemon's statement take its time, and wait until it is at it."""
    await connection.execute(
        "insert into courses (title, price) values ('a', 1);"
        "create function slow() returns trigger language plpgsql as"
        f" $$ begin perform pg_sleep({seconds}); return new; end $$;"
        "create trigger slow before insert on enrollments for each row execute function slow();"
        "insert into profiles (role) values ('student')"
    )
    await eventually(connection, ACTIVE, equals=1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_statement_in_hand_is_finished(
    connection: Connection, database: Database, start_daemon: Start, number: signal.Signals
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    await slow_enrollment(connection, 0.6)  # within the second that a batch has
    assert daemon.stop(number) == 0
    assert await connection.fetchval(ENROLLED) == 1
    assert [event["event"] for event in daemon.events()][-1] == "stopped"
    assert await connection.fetchval(LED) == 0


async def test_a_second_signal_does_not_wait(connection: Connection, database: Database, start_daemon: Start) -> None:
    daemon = start_daemon(database, shutdown_seconds=60).wait_ready("leading")
    await slow_enrollment(connection, 20)
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: daemon.events("stopping") != [], "it has heard the first one")
    asked_at = time.monotonic()
    daemon.stop()
    assert time.monotonic() - asked_at < 8
    await eventually(connection, ACTIVE, equals=0)
    assert await connection.fetchval(ENROLLED) == 0


async def test_a_stop_does_not_take_longer_than_it_may(
    connection: Connection, database: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(database, shutdown_seconds=1).wait_ready("leading")
    await slow_enrollment(connection, 20)
    asked_at = time.monotonic()
    daemon.stop()
    assert time.monotonic() - asked_at < 8


def test_a_signal_ends_the_search_for_a_server(start_daemon: Start) -> None:
    class Nowhere:
        url = "postgresql://nobody@192.0.2.1:5432/nowhere"

    daemon = start_daemon(Nowhere())
    wait_until(lambda: daemon.get("/livez")[0] == 200, "it is alive")
    assert daemon.get("/readyz")[0] == 503
    asked_at = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - asked_at < 3


def may_be_first_process() -> bool:
    unshare = shutil.which("unshare")
    return (
        os.geteuid() == 0
        and unshare is not None
        and subprocess.run([unshare, "--pid", "--fork", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not may_be_first_process(), reason="a process namespace needs root and unshare")
def test_the_first_process_of_a_container_stops_on_sigterm_too(database: Database) -> None:
    daemon = DaemonProcess(database.url, prefix=("unshare", "--pid", "--fork", "--kill-child"))
    try:
        daemon.wait_ready("leading")
        children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        assert [event["event"] for event in daemon.events()][-2:] == ["stopping", "stopped"]
    finally:
        daemon.clean_up()
