"""How many statements a batch takes."""

import re
from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.database.locks import BELL_LOCK, LOCK_CLASS
from listener.feed.registry import COUNT, ENROLL
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

ASLEEP = """
select exists (
    select
    from pg_locks
    where
        locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())
        and (classid::bigint, objid::bigint) = ($1::bigint, $2::bigint)
        and mode = 'ExclusiveLock'
        and granted
)
"""
LARGE = 4000
"""So many at once take several batches."""

MADE = "select count(*) from listener.checkpoint where consumer = $1 and changes > 0"
"""Batches of a consumer: the statement that handles one writes its checkpoint."""


@pytest.mark.parametrize(("students", "batches"), [(1, 1), (1900, 3), (5000, 5)])
async def test_a_batch_is_one_statement_of_each_reaction_however_many_students_it_holds(
    database: Database,
    connection: Connection,
    start_daemon: Callable[..., DaemonProcess],
    students: int,
    batches: int,
) -> None:
    """And nothing beside, by the server's own log, but looks that find nothing. The enrollments that a batch makes are
    noted, and may be a batch of their own; a transaction that had to be cut in two may be one more. The first batch is
    small, and each may be twice as large as the one before."""
    await connection.execute(f"alter database {database.name} set log_statement = 'all'")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    daemon = start_daemon(database, heartbeat_seconds=300, sample_seconds=3600, batch_size=2000)
    daemon.wait_ready("leading")
    signed_up = 0
    for warm in (1, 3, LARGE, students):
        await eventually(connection, ASLEEP, LOCK_CLASS, BELL_LOCK, equals=True)
        earlier = statements(database)
        before = {consumer: await connection.fetchval(MADE, consumer) for consumer in (ENROLL, COUNT)}
        await connection.execute("insert into profiles (role) select 'student' from generate_series(1, $1::int)", warm)
        signed_up += warm
        await eventually(connection, "select enrollments from courses", equals=signed_up, seconds=30)
    handled = {consumer: await connection.fetchval(MADE, consumer) - before[consumer] for consumer in (ENROLL, COUNT)}
    made = statements(database)[len(earlier) :]
    known = tuple(f"select * from listener.{name}(" for name in (ENROLL, COUNT, "pass_over_counting"))
    lane = "-- Whether there is something fresh"  # after a batch that left notes
    beside = ("-- A heartbeat:", lane, "select set_config('statement_timeout'")  # which is lifted for the heartbeat
    assert all(text.startswith((*known, *beside)) for text in made), made
    for consumer in (ENROLL, COUNT):
        batches_sent = sum(f"listener.{consumer}(" in text for text in made)
        assert 1 <= handled[consumer] <= 2 * batches + 1, made
        assert handled[consumer] <= batches_sent + sum("pass_over" in text for text in made), made
        if consumer == ENROLL:
            assert batches_sent >= batches, made


def statements(database: Database) -> list[str]:
    """The first line of every statement that the daemon's sessions have run, in order."""
    pids = database.server.psql(
        database.name,
        "select pid from pg_stat_activity where application_name = 'listener' and datname = current_database()",
    ).split()
    executed = re.findall(r"\[(\d+)\] LOG:  (?:execute [^:]+|statement): (.*)", database.server.log())
    return [text for pid, text in executed if pid in pids]
