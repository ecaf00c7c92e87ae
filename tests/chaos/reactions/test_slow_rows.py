"""Each enrollment takes long: all are made nonetheless, with any limit to the time of a statement. A migration waits
for a few of them only."""

import time
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"
LIMIT = 2
"""Seconds for a statement: far less than all enrollments take, and far more than one."""


@pytest.fixture
def size(request: pytest.FixtureRequest) -> tuple[int, float, int]:
    """Students, the seconds that each of them takes, and the seconds that a statement may take: by default, if long."""
    return (400, 0.2, 60) if request.config.getoption("--long") else (100, 0.05, LIMIT)


@pytest.mark.parametrize(
    "together", [pytest.param(False, marks=pytest.mark.long, id="one_by_one"), pytest.param(True, id="in_one_insert")]
)
async def test_students_whose_enrollment_takes_long_are_all_enrolled_and_a_migration_waits_for_one_batch(
    database: Database,
    connection: Connection,
    course: None,
    start_daemon: Start,
    size: tuple[int, float, int],
    together: bool,
) -> None:
    students, seconds, limit = size
    await connection.execute(refuse(f"pg_sleep({seconds}) is null"))
    await sign_up(connection, students, together=together)
    daemon = start_daemon(database, statement_seconds=limit)
    # Two batches are cut off first, a second each, and waited after: 6 s on an idle machine.
    await eventually(connection, f"select n > 0 from ({ENROLLED}) as enrolled(n)", equals=True, seconds=30)
    started = time.monotonic()
    await connection.execute("alter table enrollments add column remark text")
    assert time.monotonic() - started < 3
    await eventually(connection, ENROLLED, equals=students, seconds=4 * students * seconds + 20)
    assert daemon.events("connection_lost") == []


async def sign_up(connection: Connection, students: int, *, together: bool) -> None:
    if together:
        await connection.execute("insert into profiles (role) select 'student' from generate_series(1, $1)", students)
    else:
        await connection.executemany("insert into profiles (role) values ($1)", [("student",)] * students)


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize(
    ("mode", "limit", "together"),
    [
        pytest.param("session", LIMIT, False, marks=pytest.mark.long),
        ("transaction", LIMIT, False),
        pytest.param("session", 1, True, marks=pytest.mark.long),
    ],
)
async def test_batches_that_a_pooler_cuts_off_become_smaller_until_they_pass(
    server: Server,
    database: Database,
    connection: Connection,
    course: None,
    start_daemon: Start,
    mode: str,
    limit: int,
    together: bool,
) -> None:
    """Its limit ends the connection: how much was too much is remembered on the next one. One note may be of a hundred
    students, too."""
    pooler = PgBouncer(server, mode, further=f"query_timeout = {limit}").start()
    try:
        await connection.execute(refuse("pg_sleep(0.05) is null"))
        await sign_up(connection, 100, together=together)
        start_daemon(Database(server, database.name), database_url=pooler.url(database.name))
        await eventually(connection, ENROLLED, equals=100, seconds=40)
    finally:
        pooler.stop()


async def test_one_student_who_takes_longer_than_a_statement_may_costs_no_connection(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    await connection.execute(refuse("pg_sleep(30) is null"))
    await sign_up(connection, 1, together=False)
    daemon = start_daemon(database, statement_seconds=2).wait_ready("leading")
    ended = "select count(*) > 0 from listener.pending_enrollment"
    wait_until(lambda: bool(daemon.events("reaction_blocked")) or server_says(database, ended), "the server ended it")
    assert daemon.events("connection_lost") == []
    await connection.execute("drop trigger refuse on enrollments")
    listener(database.url, "pending", "retry")
    await eventually(connection, ENROLLED, equals=1)


def server_says(database: Database, query: str) -> bool:
    return database.server.psql(database.name, query) == "t\n"


async def test_one_student_who_takes_longer_than_a_batch_may_is_enrolled_too(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    """And the others before long."""
    slow = "exists (select from profiles where id = new.user_id and full_name = 'slow') and pg_sleep(2) is null"
    await connection.execute(refuse(slow))
    await connection.execute("insert into profiles (role, full_name) values ('student', 'slow')")
    await sign_up(connection, 50, together=False)
    await connection.execute("insert into profiles (role, full_name) values ('student', 'slow')")
    start_daemon(database)
    other: Connection = await connect(database.url)
    try:
        await eventually(other, ENROLLED, equals=52, seconds=30)
    finally:
        other.terminate()


async def test_one_student_who_takes_longer_than_a_minute_stops_no_other_and_is_tried_ever_more_seldom(
    database: Database, connection: Connection, course: None, start_daemon: Start
) -> None:
    slow = "exists (select from profiles where id = new.user_id and full_name = 'slow') and pg_sleep(100) is null"
    await connection.execute(refuse(slow))
    start_daemon(database, heartbeat_seconds=1, sample_seconds=0.5).wait_ready("leading")
    await connection.execute(
        "insert into profiles (role, full_name)"
        " select 'student', case when number = 12 then 'slow' end from generate_series(1, 24) as number"
    )
    # Up to three batches that are cut off, and five seconds for that student: 8 s on an idle machine.
    await eventually(connection, ENROLLED, equals=23, seconds=30)
    pause = "select next_attempt_at > clock_timestamp() + interval '30 seconds' from listener.pending_enrollment"
    await eventually(connection, pause, equals=True)
    for number in range(24, 27):
        await sign_up(connection, 1, together=False)
        await eventually(connection, ENROLLED, equals=number)
