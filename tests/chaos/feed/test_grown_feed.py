"""The feed grew while no daemon ran: what it costs one that returns is bounded, in memory, in each transaction, and in
what a purge takes away at a time.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.feed.purge import PURGE_ROWS
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

BATCH = 2000
LARGEST_MIB = 90
LONGEST_SECONDS = 10.0
COURSES = 200

SIGN_UPS = """
do $$
begin
    for number in 1..{transactions} loop
        insert into profiles (role) select 'student' from generate_series(1, 50);
        commit;
    end loop;
end $$
"""
IMPORT = "insert into profiles (role) select 'student' from generate_series(1, 50000)"

# Each is one transaction that notes a count of every course.
TEACHERS = """
do $$
begin
    for number in 1..{teachers} loop
        with teacher as (insert into profiles (role) values ('teacher') returning id)
        insert into enrollments (user_id, course_id) select teacher.id, courses.id from teacher cross join courses;
        commit;
    end loop;
end $$
"""

WATCH_PURGE = """
create table purged (notes bigint);
create function watch_purge() returns trigger language plpgsql as $$
begin
    insert into public.purged select count(*) from gone;
    return null;
end $$;
create trigger watch_purge after delete on listener.change
referencing old table as gone for each statement execute function watch_purge();
"""

IN_STEP = """
select
    not exists (select from listener.unhandled('count'))
    and not exists (select from listener.unhandled('enroll'))
    and not exists (select from listener.pending_count)
"""

WRONG = """
select
    (select count(*) from listener.course_drift)
    + (
        select count(*)
        from profiles
        where role = 'student' and (select count(*) from enrollments where user_id = profiles.id) <> 1
    )
    + abs((select sum(enrollments) from courses) - (select count(*) from enrollments))
"""

TRANSACTION = """
select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8
from pg_stat_activity
where datname = current_database() and application_name = 'listener'
"""


@asynccontextmanager
async def longest_transaction(database: Database) -> AsyncIterator[Callable[[], float]]:
    """Looks all the while for how long the daemon's sessions have been in a transaction; seconds."""
    connection: Connection = await asyncpg.connect(database.url)
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            longest = max(longest, await connection.fetchval(TRANSACTION))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield lambda: longest
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        connection.terminate()


def peak_mib(daemon: DaemonProcess) -> float:
    """The most memory that the daemon has held; 0 where the system does not tell."""
    status = Path(f"/proc/{daemon.process.pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


@pytest.mark.timeout(3600)
async def test_a_feed_that_grew_for_days_costs_little_at_a_time_when_the_daemon_returns(
    connection: Connection,
    database: Database,
    start_daemon: Callable[..., DaemonProcess],
    pytestconfig: pytest.Config,
) -> None:
    times = 10 if pytestconfig.getoption("--long") else 1
    await connection.execute(
        "insert into courses (title, price) select 'c', n from generate_series(1, $1::int) n", COURSES
    )
    await connection.execute(TEACHERS.format(teachers=100 * times))
    await connection.execute(SIGN_UPS.format(transactions=2000 * times))
    for _ in range(2 * times):
        await connection.execute(IMPORT)
    students = 200_000 * times
    assert await connection.fetchval("select count(*) from listener.student") == students
    notes = await connection.fetchval("select count(*) from listener.change")

    async with longest_transaction(database) as longest:
        daemon = start_daemon(database, batch_size=BATCH, heartbeat_seconds=1).wait_ready("leading")
        await eventually(connection, IN_STEP, equals=True, seconds=3000)
        assert longest() < LONGEST_SECONDS
    assert await connection.fetchval(WRONG) == 0
    assert daemon.metric("listener_enrollments_created_total") == students

    by_transaction = (
        "select max(made) from (select count(*) as made from enrollments group by xmin::text) as transaction"
    )
    assert await connection.fetchval(by_transaction) <= BATCH
    assert await connection.fetchval("select max(changes) from listener.checkpoint where consumer = 'enroll'") <= BATCH
    checkpoints = await connection.fetchval("select count(*) from listener.checkpoint where seq > 0")
    assert checkpoints < 2 * (students + notes) / BATCH + 100, "and batches were full"
    assert peak_mib(daemon) < LARGEST_MIB
    assert daemon.stop() == 0

    # Committed beside a daemon at work: one that starts does not touch a schema where others have triggers.
    async with connection.transaction():
        await connection.execute(WATCH_PURGE)
        start_daemon(database, retention_seconds=0).wait_ready("leading")
    await eventually(connection, "select count(*) from listener.change", equals=0, seconds=3000)
    steps = await connection.fetchrow("select max(notes) as most, sum(notes) as all from purged")
    assert steps is not None
    assert steps["most"] <= PURGE_ROWS
    assert steps["all"] >= notes
