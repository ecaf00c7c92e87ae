"""`listener replay`: a reaction of one's own handles again what was noted since some moment."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from listener import sql
from listener.database.connection import Connection
from listener.feed import replaying
from listener.feed.consumer import InstalledConsumer
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import all_handled, eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import Folder

StartDaemon = Callable[..., DaemonProcess]

STUDENT = "insert into profiles (role) values ('student')"
STUDENTS = "insert into profiles (role) select 'student' from generate_series(1, $1::int)"
UNHANDLED = "select count(*) from listener.unhandled($1)"
TALLY = """{{feed}},

tallied as (
    insert into public.tally (note, seq)
    select batch.id, batch_summary.seq
    from batch
    cross join batch_summary
)

select batch_summary.*
from batch_summary
where batch_summary.changes > 0
"""
TIMES = (
    "select coalesce(array_agg(distinct times), '{}') from (select count(*) as times from tally group by note) as each"
)
NOTES = "select count(*) from listener.change"
OLD = "update listener.change set at = at - interval '2 hours'"


@pytest.fixture
async def tally(connection: Connection, database: Database, tmp_path: Path) -> Folder:
    """A reaction that writes down each note that it handles, in a table without a key: what is handled twice is there
    twice."""
    await connection.execute("create table tally (note bigint, seq bigint)")
    folder = Folder(tmp_path / "reactions", database)
    folder.write("tally", TALLY)
    folder.install()
    return folder


def replay(database: Database, *arguments: str, check: bool = True) -> str:
    done = listener(database.url, "replay", *arguments, check=check)
    if check:
        return done.stdout
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


async def test_what_was_noted_since_is_handled_once_more_and_nothing_else(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    """At once, long before the next heartbeat."""
    for _ in range(3):
        await connection.execute(STUDENT)
    await connection.execute(OLD)
    daemon = start_daemon(database, heartbeat_seconds=300, retention_seconds=100_000).wait_ready("leading")
    for _ in range(5):
        await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    assert "would begin again" in (said := replay(database, "tally", "--since", "1 hour", "--dry-run"))
    assert "handle 5 notes again" in said
    assert await connection.fetchval(TIMES) == [1]
    assert "5 notes will be handled again" in replay(database, "tally", "--since", "1 hour")
    await eventually(connection, "select count(*) from tally", equals=8 + 5)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    assert await connection.fetchval(TIMES) == [1, 2]
    since = await connection.fetchval("select min(at)::text from listener.change")
    assert "8 notes will be handled again" in replay(database, "tally", "--since", since)
    await eventually(connection, "select count(*) from tally", equals=8 + 5 + 8)
    assert "nothing to do" in replay(database, "tally", "--since", "2500-01-01")
    assert daemon.metric("listener_reconnects_total") == 0


async def test_beside_a_daemon_at_work_no_note_is_left_out_and_none_is_handled_a_third_time(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    """Nor is a batch fenced. Each is handled once, and once more if it was noted since, and handled before."""
    daemon = start_daemon(database, retention_seconds=100_000).wait_ready("leading")
    await connection.execute(STUDENTS, 1)
    await connection.execute("update listener.change set at = at - interval '2 hours'")
    app: Connection = await connect(database.url)
    stop = asyncio.Event()

    async def sign_up() -> None:
        while not stop.is_set():
            await app.execute(STUDENT)
            await asyncio.sleep(0.002)  # one batch more than the daemon handles would never end

    signing_up = asyncio.create_task(sign_up())
    try:
        for round_ in range(1, 6):
            await eventually(connection, "select count(*) > $1 from tally", 50 * round_, equals=True)
            before: int = await connection.fetchval("select max(seq) from listener.checkpoint where consumer = 'tally'")
            said = await asyncio.to_thread(replay, database, "tally", "--since", "1 hour")
            assert "will be handled again" in said
            moved = """
            select min(seq) from (
                select seq, handled, lag(handled) over (order by seq) as before from listener.checkpoint
                where consumer = 'tally' and seq >= $1
            ) as each
            where pg_snapshot_xmax(handled) < pg_snapshot_xmax(before)
            """
            fence = await connection.fetchval(moved, before)
            again = "select max(times) from (select count(*) as times from tally where seq > $1 group by note) as each"
            await eventually(connection, UNHANDLED.replace("count(*)", "count(*) < 20"), "tally", equals=True)
            assert await connection.fetchval(again, fence) == 1, "since it was set back, each once"
    finally:
        stop.set()
        await signing_up
        await app.close()
    await eventually(connection, UNHANDLED, "tally", equals=0)
    assert await connection.fetchval(f"select ({NOTES}) = count(distinct note) from tally")
    times = "select count(*) from tally where note = (select id from listener.change order by xid limit 1)"
    assert await connection.fetchval(times) == 1, "it was noted before"
    first = "select count(*) as times from tally group by note order by min(seq), note limit 40 offset 1"
    assert await connection.fetchval(f"select min(times) from ({first}) as each") == 6
    assert daemon.metric('listener_errors_total{kind="fenced"}') == 0
    assert daemon.metric("listener_reconnects_total") == 0


async def test_one_who_was_in_flight_and_began_before_is_handled_again_too(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    """A transaction that takes its number early notes late, and commits between the look and what is done."""
    early: Connection = await connect(database.url)
    await early.execute("begin; select pg_current_xact_id()")
    await connection.execute(STUDENT)
    since = await connection.fetchval("select at from listener.change")
    daemon = start_daemon(database).wait_ready("leading")
    await eventually(connection, "select count(*) from tally", equals=1)
    found = await replaying.look(connection, "tally", since)
    await early.execute(STUDENT)
    await early.execute("commit")
    await eventually(connection, "select count(*) from tally", equals=2)
    await connection.execute("select pg_notify('listener', 'x')")
    row = await connection.fetchrow(
        sql.read("feed/replaying", "set_back"), "tally", since, found.first_xid, found.seen, "listener", "pause"
    )
    assert row is not None
    await eventually(connection, TIMES, equals=[2])
    assert daemon.metric("listener_reconnects_total") == 0
    await early.close()


async def test_neither_a_batch_in_hand_nor_one_that_comes_meanwhile_is_fenced(
    database: Database, connection: Connection, tally: Folder
) -> None:
    """Whichever comes second waits for the first, and goes on from there."""
    batches: Connection = await connect(database.url)
    consumer = InstalledConsumer("tally", TALLY)
    await connection.execute(STUDENT)
    assert await consumer.react(batches, 100) is not None
    since = await connection.fetchval("select min(at) from listener.change")
    waits = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = $1"

    await connection.execute(STUDENT)
    in_hand = batches.transaction()
    await in_hand.start()
    assert await consumer.react(batches, 100) is not None
    commands: Connection = await connect(database.url)
    replayed = asyncio.create_task(replaying.replay(commands, "tally", since))
    await eventually(connection, waits, database.name, equals=True)
    await in_hand.commit()
    await replayed
    assert await consumer.react(batches, 100) is not None
    assert await connection.fetchval(TIMES) == [2]

    found = await replaying.look(commands, "tally", since)
    replay_in_hand = commands.transaction()
    await replay_in_hand.start()
    await commands.execute(replaying.LOCK)
    await commands.fetchrow(
        sql.read("feed/replaying", "set_back"), "tally", since, found.first_xid, found.seen, "listener", "pause"
    )
    reacted = asyncio.create_task(consumer.react(batches, 100))
    await eventually(connection, waits, database.name, equals=True)
    await replay_in_hand.commit()
    assert await reacted is not None
    assert await connection.fetchval(TIMES) == [3]
    await commands.close()
    await batches.close()


async def test_a_daemon_that_is_killed_meanwhile_changes_nothing_of_it(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, batch_size=10).wait_ready("leading")
    for _ in range(60):
        await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    for round_ in range(2, 5):
        assert "60 notes will be handled again" in replay(database, "tally", "--since", "1 hour")
        daemon.kill()
        daemon = start_daemon(database, batch_size=10).wait_ready("leading")
        await eventually(connection, UNHANDLED, "tally", equals=0)
        assert await connection.fetchval(TIMES) == [round_]


async def test_what_is_replayed_while_it_is_paused_waits_for_resume(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    start_daemon(database).wait_ready("leading")
    await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    listener(database.url, "pause", "tally")
    assert "1 note will be handled again" in replay(database, "tally", "--since", "1 hour")
    assert "nothing to do" in replay(database, "tally", "--since", "1 hour")
    await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "enroll", equals=0)
    assert await connection.fetchval("select count(*) from tally") == 1
    listener(database.url, "resume", "tally")
    await eventually(connection, "select count(*) from tally", equals=3)


async def test_a_new_reaction_can_have_what_was_noted_before_it_came(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    start_daemon(database).wait_ready("leading")
    await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    tally.remove("tally")
    tally.write("late", TALLY)
    tally.install()
    assert "1 note will be handled again" in replay(database, "late", "--since", "1 hour")
    await eventually(connection, "select count(*) from tally", equals=2)


async def test_it_is_refused_where_notes_are_purged_and_what_is_younger_can_be_had(
    database: Database, connection: Connection, tally: Folder, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, retention_seconds=0).wait_ready("leading")
    await connection.execute(STUDENT)
    await all_handled(connection, "tally")
    wait_until(lambda: daemon.metric("listener_leader") == 1, "it leads")
    daemon.stop()
    daemon = start_daemon(database, retention_seconds=0).wait_ready("leading")
    await eventually(connection, NOTES, equals=0)
    daemon.stop()
    start_daemon(database).wait_ready("leading")
    await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    for flags in ((), ("--dry-run",)):
        said = replay(database, "tally", "--since", "1 hour", *flags, check=False)
        assert said.startswith("listener: notes up to ")
        assert "would pass by what they were about, and nothing was done" in said
    assert await connection.fetchval(TIMES) == [1]
    younger = said.rpartition("--since '")[2].partition("'")[0]
    assert "1 note will be handled again" in replay(database, "tally", "--since", younger)
    await eventually(connection, "select count(*) from tally", equals=3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("enroll", "--since", "1 hour"), "enroll is built in, and asks the tables what is true, not the notes: "),
        (("count", "--since", "1 hour"), "`listener sync` puts right whatever was missed."),
        (("tallies", "--since", "1 hour"), "'tallies' is no reaction. Those that there are: enroll, count, tally."),
        (("tally", "--since", "an hour"), "--since 'an hour' names no moment: say how long ago ('1 hour'), or when"),
        (("tally", "--since", "-infinity"), "names no moment"),
        (("tally", "--since", "2026-13-45"), "names no moment"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    database: Database, tally: Folder, arguments: tuple[str, ...], said: str
) -> None:
    assert said in replay(database, *arguments, check=False)
