"""`sync` beside live sign-ups: it waits for what there was when it began, and for nothing that comes after."""

import random
import re
import tracemalloc
from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from listener import sql
from listener.database.connection import Connection
from listener.feed.leadership import Leadership
from listener.feed.registry import COUNT, ENROLL
from listener.mapping.mapping import Mapping
from listener.reactions.reaction import BuiltIn
from listener.repair import sync as syncing
from tests.conftest import Database
from tests.support import workload
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse
from tests.support.workload import SCHEMA, settled

MISSED = 5000
BYTES_OF_ONE = 200
"""Most memory that a student takes whom `sync` has found, with the rows that the driver makes. A row for each student
takes 480."""

NOBODY_NOTES = """
alter table profiles disable trigger listener_insert;
insert into profiles (role) select 'student' from generate_series(1, {});
alter table profiles enable trigger listener_insert;
"""
HANDLED = """
select not exists (
    select
    from unnest($1::text[]) as consumer(name)
    cross join lateral listener.unhandled(consumer.name) as unhandled
    where pg_visible_in_snapshot(unhandled.xid, ($2::text)::pg_snapshot)
)
"""

SIGN_UP = workload.SIGN_UP.format_map(workload.NAMES)


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    """Another connection to the database."""
    connection = await connect(database.url)
    yield connection
    connection.terminate()


async def mapping_of(connection: Connection) -> Mapping:
    return Mapping.from_json(await connection.fetchval("select mapping from listener.installation"))


async def sign_up(url: str, stop: anyio.Event, pause: float = 0.01) -> None:
    """Some 100 sign-ups a second."""
    connection = await connect(url)
    try:
        while not stop.is_set():
            await connection.execute(SIGN_UP)
            await anyio.sleep(pause)
    finally:
        connection.terminate()


async def test_it_ends_while_people_go_on_signing_up(
    database: Database,
    connection: Connection,
    start_daemon: Callable[..., DaemonProcess],
) -> None:
    # No unique pair: a student who is enrolled by two at the same moment is enrolled twice.
    await connection.execute(SCHEMA)
    daemon = start_daemon(database).wait_ready("leading")
    await connection.execute(NOBODY_NOTES.format(MISSED))
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(sign_up, database.url, stop, 0.02)
        await eventually(connection, "select count(*) > $1 from profiles", MISSED + 50, equals=True)
        done = await anyio.to_thread.run_sync(lambda: listener(database.url, "sync", check=False))
        after = await connection.fetchval("select count(*) from profiles")
        await eventually(connection, "select count(*) > $1 from profiles", after, equals=True)
        stop.set()
    assert done.returncode == 0, done.stdout + done.stderr
    enrolled = re.search(r"enrolled ([\d,]+) students, 0 wait", done.stdout)
    assert enrolled
    assert int(enrolled[1].replace(",", "")) >= MISSED
    shown = re.findall(r"(\d+)/(\d+)", done.stdout)
    assert shown
    assert all(int(seen) <= int(total) for seen, total in shown)
    await settled(connection)
    assert daemon.stop() == 0


async def test_progress_never_passes_its_total(database: Database, connection: Connection, other: Connection) -> None:
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute(NOBODY_NOTES.format(MISSED))
    shown: list[tuple[int, int]] = []
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sign_up, database.url, stop, 0.0)
        await eventually(connection, "select count(*) > $1 from profiles", MISSED, equals=True)
        mapping = await mapping_of(other)
        await syncing.sync(other, database.url, mapping, lambda _line: None, lambda *progress: shown.append(progress))
        stop.set()
    assert shown
    assert all(done <= total for done, total in shown)
    assert shown[-1][0] == shown[-1][1] >= MISSED


async def test_it_waits_for_a_snapshot_and_for_nothing_after_it(
    database: Database, connection: Connection, other: Connection
) -> None:
    await connection.execute("insert into courses (title) values ('a')")
    writer = await connect(database.url)
    lock = Leadership(other)

    async def handled(committed: str) -> bool:
        return await syncing.until_handled(connection, committed, stall_seconds=0.05)

    try:
        async with writer.transaction():
            await writer.execute(SIGN_UP)
            await connection.execute(SIGN_UP)
            first = await syncing.snapshot(connection)
            assert await lock.acquire()
            assert not await handled(first)  # nobody handles anything
            await lock.release()
            assert await handled(first)  # here, though a transaction of then is still open
            assert await lock.acquire()
        assert await handled(first)
        second = await syncing.snapshot(connection)
        assert not await handled(second)
        await connection.execute(SIGN_UP)
        assert await handled(first)
        await lock.release()
        assert await handled(second)
        assert await connection.fetchval("select count(*) from enrollments") == 3
    finally:
        writer.terminate()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.half
async def test_what_is_handled_is_what_no_consumer_has_before_it(
    database: Database, connection: Connection, seed: int
) -> None:
    dice = random.Random(seed)
    await connection.execute("insert into courses (title) values ('a')")
    writers = [await connect(database.url) for _ in range(4)]
    transactions = {writer: writer.transaction() for writer in writers}
    is_open = dict.fromkeys(writers, False)
    snapshots: list[str] = [await syncing.snapshot(connection)]
    reactions = {name: BuiltIn(name) for name in (ENROLL, COUNT)}
    answers = set()
    try:
        for _ in range(80):
            writer = dice.choice(writers)
            match dice.choice(["write", "write", "write", "end", "react", "react", "react", "look"]):
                case "write":
                    if not is_open[writer]:
                        transactions[writer] = writer.transaction()
                        await transactions[writer].start()
                        is_open[writer] = True
                    for _ in range(dice.randint(1, 4)):
                        await writer.execute(SIGN_UP)
                case "end":
                    if is_open[writer]:
                        await dice.choice([transactions[writer].commit, transactions[writer].rollback])()
                        is_open[writer] = False
                case "react":
                    name = dice.choice([ENROLL, COUNT])
                    await reactions[name].together.react(connection, dice.randint(1, 3), 0)
                case "look":
                    snapshots.append(await syncing.snapshot(connection))
            for committed in snapshots[-5:]:
                for names in ([ENROLL], [ENROLL, COUNT]):
                    row = await connection.fetchrow(sql.read("repair/handled"), names, committed)
                    assert row is not None
                    assert row["done"] == await connection.fetchval(HANDLED, names, committed)
                    answers.add(row["done"])
    finally:
        for writer in writers:
            writer.terminate()
    assert answers == {True, False}


async def test_without_a_daemon_it_tries_again_who_was_refused(
    database: Database, connection: Connection, course: None
) -> None:
    await connection.execute(refuse())
    await connection.execute("insert into profiles (role) values ('student'), ('student')")
    assert "enrolled 0 students, 2 wait" in listener(database.url, "sync", check=False).stdout
    await connection.execute("drop trigger refuse on enrollments")
    await connection.execute("update listener.pending_enrollment set next_attempt_at = clock_timestamp()")
    assert "enrolled 2 students, 0 wait" in listener(database.url, "sync").stdout
    assert await connection.fetchval("select enrollments from courses") == 2


async def test_without_a_daemon_it_tries_again_counts_that_were_refused(
    database: Database, connection: Connection, course: None
) -> None:
    await connection.execute(refuse().replace("before insert on enrollments", "before update on courses"))
    await connection.execute("insert into profiles (role) values ('student')")
    listener(database.url, "sync", check=False)
    assert await connection.fetchval("select count(*) from listener.pending_count") == 1
    await connection.execute("drop trigger refuse on courses")
    await connection.execute("update listener.pending_count set next_attempt_at = clock_timestamp()")
    listener(database.url, "sync")
    assert await connection.fetchval("select count(*) from listener.pending_count") == 0
    assert await connection.fetchval("select enrollments from courses") == 1


async def test_students_who_were_found_take_little_memory(
    database: Database, connection: Connection, course: None
) -> None:
    await connection.execute(NOBODY_NOTES.format(MISSED))
    peaks: list[int] = []

    def progress(_settled: int, _found: int) -> None:
        peaks.append(tracemalloc.get_traced_memory()[1] - before)

    mapping = await mapping_of(connection)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        settled_now = await syncing.settle_astray(connection, database.url, mapping, progress)
    finally:
        tracemalloc.stop()
    assert settled_now.done == {"enrolled": MISSED}
    assert peaks[0] < MISSED * BYTES_OF_ONE
