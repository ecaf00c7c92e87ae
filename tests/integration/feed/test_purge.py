"""What every consumer has handled is deleted, once it is old enough; everything else stays."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.feed.consumer import InstalledConsumer
from listener.feed.purge import Purge
from listener.feed.registry import BUILT_IN
from listener.reactions.reaction import BuiltIn
from tests.conftest import Database
from tests.support.eventually import all_handled, eventually
from tests.support.process import DaemonProcess

CONSUMERS = ["enroll", "count"]
REACTION = "{{feed}} select batch_summary.* from batch_summary where batch_summary.changes > 0"
NOTES = "select count(*) from listener.change"


async def note(connection: Connection, count: int = 1) -> None:
    await connection.execute(
        f"insert into listener.change (source, operation) select 'profiles', 'insert' from generate_series(1, {count})"
    )


async def handle(connection: Connection, *names: str) -> None:
    for name in names:
        if name in BUILT_IN:
            await BuiltIn(name).together.react(connection, 1000, 0)
        else:
            await InstalledConsumer(name, REACTION).react(connection, 1000)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listener.feed.purge.PURGE_ROWS", 3)


async def run_pass(purge: Purge, connection: Connection) -> int:
    steps = 1
    while await purge.step(connection):
        steps += 1
    return steps


async def test_handled_notes_go_a_few_at_a_time(connection: Connection, small_steps: None) -> None:
    for _ in range(8):
        await note(connection)
    await handle(connection, *CONSUMERS)
    assert await run_pass(Purge(CONSUMERS, 0), connection) == 3
    assert await connection.fetchval(NOTES) == 0


async def test_one_transaction_with_more_notes_than_a_step_goes_too(connection: Connection, small_steps: None) -> None:
    await note(connection, 10)
    await handle(connection, *CONSUMERS)
    await run_pass(Purge(CONSUMERS, 0), connection)
    assert await connection.fetchval(NOTES) == 0


async def test_notes_stay_for_a_consumer_that_was_installed_and_that_the_purge_has_not_heard_of(
    connection: Connection,
) -> None:
    await connection.execute("insert into listener.reaction (name, text, hash) values ('late', '', '')")
    checkpoint = "insert into listener.checkpoint (consumer, seq, handled) values ('late', 0, pg_current_snapshot())"
    await connection.execute(checkpoint)
    await note(connection)
    await handle(connection, *CONSUMERS)
    await run_pass(Purge(CONSUMERS, 0), connection)
    assert await connection.fetchval(NOTES) == 1
    await handle(connection, "late")
    await run_pass(Purge(CONSUMERS, 0), connection)
    assert await connection.fetchval(NOTES) == 0


async def test_notes_that_one_consumer_has_not_handled_stay(connection: Connection) -> None:
    await note(connection)
    await handle(connection, *CONSUMERS)
    await note(connection)
    await handle(connection, "enroll")
    await run_pass(Purge(CONSUMERS, 0), connection)
    assert await connection.fetchval(NOTES) == 1
    assert await connection.fetchval("select count(*) from listener.unhandled('count')") == 1


async def test_notes_of_a_transaction_that_was_cut_stay_until_it_is_handled(connection: Connection) -> None:
    await note(connection, 5)
    await BuiltIn("enroll").together.react(connection, 2, 0)
    await handle(connection, "count")
    purge = Purge(CONSUMERS, 0)
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 5
    await handle(connection, "enroll")
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 0


async def test_notes_stay_for_the_retention(connection: Connection) -> None:
    await note(connection)
    await handle(connection, *CONSUMERS)
    await run_pass(Purge(CONSUMERS, 3600), connection)
    assert await connection.fetchval(NOTES) == 1


async def test_a_young_note_among_old_ones_goes_in_a_later_pass(connection: Connection, small_steps: None) -> None:
    for _ in range(6):
        await note(connection)
    await connection.execute("update listener.change set at = at - interval '1 day' where id <> 1")
    await handle(connection, *CONSUMERS)
    purge = Purge(CONSUMERS, 3600)
    await run_pass(purge, connection)
    await connection.execute("update listener.change set at = at - interval '1 day'")
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 0


async def test_notes_of_a_transaction_that_commits_after_a_pass_go_in_a_later_one(
    database: Database, connection: Connection
) -> None:
    slow = await asyncpg.connect(database.url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("insert into listener.change (source, operation) values ('profiles', 'insert')")
    await note(connection)
    await handle(connection, *CONSUMERS)
    purge = Purge(CONSUMERS, 0)
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 0

    await transaction.commit()
    await slow.close()
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 1, "committed, and not handled yet"
    await handle(connection, *CONSUMERS)
    await run_pass(purge, connection)
    assert await connection.fetchval(NOTES) == 0


async def test_the_last_checkpoint_of_each_consumer_stays(connection: Connection, small_steps: None) -> None:
    for _ in range(7):
        await note(connection)
        await handle(connection, *CONSUMERS)
    await run_pass(Purge(CONSUMERS, 0), connection)
    rows = await connection.fetch("select consumer, seq from listener.checkpoint order by consumer")
    assert [tuple(row) for row in rows] == [("count", 7), ("enroll", 7)]
    await note(connection)
    await handle(connection, *CONSUMERS)
    assert await connection.fetchval("select count(*) from listener.unhandled('enroll')") == 0


async def test_the_daemon_purges(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("insert into courses (title) values ('a')")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 50)")
    daemon = start_daemon(database).wait_ready("leading")
    await eventually(connection, "select sum(enrollments) from courses", equals=50)
    await all_handled(connection)
    daemon.stop()
    assert await connection.fetchval(NOTES) > 0
    start_daemon(database, retention_seconds=0).wait_ready("leading")
    await eventually(connection, NOTES, equals=0)
    await eventually(connection, "select count(*) from listener.checkpoint", equals=2)
