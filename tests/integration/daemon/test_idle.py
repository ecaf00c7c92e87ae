"""A daemon with nothing to do hardly asks the database anything."""

import re
import time
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.database.executors import LIMIT
from listener.settings import Settings
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

MINUTE = 60.0
STATEMENTS_A_MINUTE = 19
"""12 heartbeats, 4 looks at figures and problems, and a few to spare."""
TIMES_FASTER = 10

SLOW_DUTY = """
alter function listener.note_due(timestamptz) rename to note_due_quickly;
create table looked (at timestamptz);
create function listener.note_due(since timestamptz, out until timestamptz, out next_in double precision)
language plpgsql security definer as $$
begin
    perform pg_sleep(1.5);
    insert into public.looked values (now());
    next_in := 0;
end $$;
"""
"""Takes longer than a batch may."""


async def test_an_idle_minute_is_a_handful_of_statements(
    database: Database,
    connection: Connection,
    start_daemon: Callable[..., DaemonProcess],
    request: pytest.FixtureRequest,
) -> None:
    """The short form lives ten times as fast: its timers, and its minute."""
    faster = 1 if request.config.getoption("--long") else TIMES_FASTER
    await connection.execute(f"alter database {database.name} set log_statement = 'all'")
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute("insert into profiles (role) values ('student')")
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    daemon = start_daemon(
        database,
        heartbeat_seconds=usual["heartbeat_seconds"] / faster,
        sample_seconds=usual["sample_seconds"] / faster,
    ).wait_ready("leading")
    await eventually(connection, "select enrollments from courses", equals=1)
    await eventually(connection, "select count(*) from listener.unhandled('enroll')", equals=0)
    pid = await connection.fetchval(
        "select pid from pg_stat_activity where application_name = 'listener' and datname = current_database()"
    )
    await eventually(
        connection,
        "select count(*) from pg_locks where pid = $1 and objid = 2 and mode = 'ExclusiveLock'",
        pid,
        equals=1,
    )

    line = re.compile(rf"\[{pid}\] LOG:  (?:statement|execute [^:]*): (.*)")

    def statements() -> tuple[int, int]:
        """Those that ask something, and those that set a time limit."""
        found = line.findall(database.server.log())
        limits = found.count(LIMIT)
        return len(found) - limits, limits

    begun, limits_begun = statements()
    assert begun > 0, "statements are logged"
    assert limits_begun > 0, "a batch has a limit, and the statement that sets it is known"
    ends_at = time.monotonic() + MINUTE / faster
    wait_until(lambda: time.monotonic() >= ends_at, "a minute has passed", 2 * MINUTE)
    ended, limits_ended = statements()
    assert 5 <= ended - begun <= STATEMENTS_A_MINUTE
    assert limits_ended == limits_begun
    assert daemon.role == "leading"


async def test_a_duty_that_takes_longer_than_a_batch_may_is_given_its_time(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """It is cut off once: a limit is not lifted for those that are short."""
    await connection.execute(SLOW_DUTY)
    daemon = start_daemon(database).wait_ready("leading")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) > 2 from looked", equals=True, seconds=30)
    await eventually(connection, "select enrollments from courses", equals=1)
    daemon.shows('listener_errors_total{kind="chore"}', 1.0)
