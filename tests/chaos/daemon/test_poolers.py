"""Behind real PgBouncer: a session pooler just works, a transaction pooler is told of and polled through."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import pytest

from listener.daemon.pooler import Path, examine
from listener.database.connection import Connection, connect
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import WELCOME, Folder, queue

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")

Start = Callable[..., DaemonProcess]
Pool = Callable[..., PgBouncer]


@dataclass(frozen=True)
class Pooled:
    """A database as a daemon sees it through a pooler."""

    url: str


@pytest.fixture
def pool(server: Server) -> Iterator[Pool]:
    started: list[PgBouncer] = []

    def start(mode: str, pool_size: int = 20) -> PgBouncer:
        started.append(PgBouncer(server, mode, pool_size).start())
        return started[-1]

    yield start
    for bouncer in started:
        bouncer.stop()


async def sign_up(connection: Connection, students: int = 1) -> None:
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, $1::int)", students)


@pytest.mark.parametrize("pool_size", [1, 2, 20])
@pytest.mark.parametrize(("mode", "path"), [("session", Path.SESSION_POOLER), ("transaction", Path.TRANSACTION_POOLER)])
@pytest.mark.half
async def test_the_kind_of_pooler_is_found_out(
    database: Database, pool: Pool, mode: str, path: Path, pool_size: int
) -> None:
    url = pool(mode, pool_size).url(database.name)
    connection = await connect(url, application_name="test")
    try:
        found, _ = await examine(connection, url)
    finally:
        connection.terminate()
    assert found is path


async def test_a_direct_connection_is_known_as_such(database: Database) -> None:
    connection = await connect(database.url, application_name="test")
    try:
        assert await examine(connection, database.url) == (Path.DIRECT, connection.get_server_pid())
    finally:
        connection.terminate()


async def test_behind_a_session_pooler_it_just_works(
    connection: Connection, database: Database, course: None, start_daemon: Start, pool: Pool
) -> None:
    url = pool("session").url(database.name)
    leader = start_daemon(Pooled(url), heartbeat_seconds=0.5).wait_ready("leading")
    standby = start_daemon(Pooled(url), heartbeat_seconds=0.5).wait_ready("standing_by")
    await sign_up(connection)
    await eventually(connection, "select count(*) from enrollments", equals=1)
    leader.shows("listener_polling", 0)
    leader.process.send_signal(signal.SIGSTOP)
    await sign_up(connection)
    await eventually(connection, "select count(*) from enrollments", equals=2)
    assert len(standby.events("leader_deposed")) == 1


async def test_behind_a_transaction_pooler_it_polls_says_so_and_stays_exact(
    connection: Connection, database: Database, course: None, start_daemon: Start, pool: Pool
) -> None:
    bouncer = pool("transaction", 3)
    url = bouncer.url(database.name)
    daemons = [start_daemon(Pooled(url), heartbeat_seconds=0.5) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_ready()
    for students in (1, 1, 250, 1):
        await sign_up(connection, students)
    await eventually(connection, "select count(*) from enrollments", equals=253)
    await eventually(connection, "select enrollments from courses", equals=253)
    assert await connection.fetchval("select count(*) from listener.course_drift") == 0
    for daemon in daemons:
        (told,) = daemon.events("polling")
        assert "5432" in told["reason"]
    assert any(daemon.metric("listener_polling") == 1 for daemon in daemons)
    assert [daemon.events("connection_lost") for daemon in daemons] == [[], []]
    # Nothing was left behind for anybody else who is given these server connections.
    other: Connection = await connect(url, application_name="test")
    try:
        for _ in range(5):
            async with other.transaction():
                assert await other.fetchval("show enable_seqscan") == "on"
                assert await other.fetchval("select count(*) from pg_prepared_statements where not from_sql") <= 1
                assert await other.fetchval("select count(*) from pg_listening_channels()") == 0
    finally:
        other.terminate()
    for daemon in daemons:
        assert daemon.stop() == 0


async def test_a_pause_is_heeded_behind_a_transaction_pooler_and_asked_for_through_it(
    connection: Connection, database: Database, course: None, start_daemon: Start, pool: Pool
) -> None:
    url = pool("transaction").url(database.name)
    # A heartbeat not answered until the next one is an outage. A daemon that polls has each statement planned again:
    # that takes half a second on a busy machine.
    daemons = [start_daemon(Pooled(url), heartbeat_seconds=2, sample_seconds=0.1) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_ready()
    assert "enroll is paused" in listener(url, "pause", "enroll").stdout
    await sign_up(connection, 100)
    wait_until(lambda: any(daemon.events("paused") for daemon in daemons), "who leads has noticed it")
    looked = sum(daemon.metric("listener_samples_total") for daemon in daemons)
    wait_until(
        lambda: sum(daemon.metric("listener_samples_total") for daemon in daemons) > looked + 3, "they have looked"
    )
    assert await connection.fetchval("select count(*) from enrollments") == 0
    listener(url, "resume", "enroll")
    await eventually(connection, "select count(*) from enrollments", equals=100)
    await eventually(connection, "select enrollments from courses", equals=100)
    assert max(len(daemon.events("paused")) for daemon in daemons) == 1


async def test_a_poller_stands_by_for_a_daemon_with_a_session_of_its_own(
    connection: Connection, database: Database, course: None, start_daemon: Start, pool: Pool
) -> None:
    leader = start_daemon(database).wait_ready("leading")
    poller = start_daemon(Pooled(pool("transaction").url(database.name)), heartbeat_seconds=0.5)
    poller.wait_ready("standing_by")
    leader.kill()
    wait_until(lambda: poller.role == "leading", "the poller leads")
    await sign_up(connection)
    await eventually(connection, "select count(*) from enrollments", equals=1)


@pytest.mark.long
async def test_status_knows_a_poller_though_it_is_handed_that_poller_s_session_and_name(
    database: Database, start_daemon: Start, pool: Pool
) -> None:
    bouncer = pool("transaction", 2)
    daemon = start_daemon(Pooled(bouncer.url(database.name)), heartbeat_seconds=0.5).wait_ready("leading")
    for _ in range(4):
        told = listener(bouncer.url(database.name), "status", check=False).stdout
        assert "a daemon that polls" in told
        assert "no_leader" not in told
    assert daemon.stop() == 0
    wait_until(
        lambda: "no daemon leads" in listener(bouncer.url(database.name), "status", check=False).stdout,
        "its session, which the pooler keeps, is not taken for a daemon's any more",
    )


async def test_a_pooler_that_goes_away_is_waited_for(
    connection: Connection, database: Database, course: None, start_daemon: Start, pool: Pool
) -> None:
    bouncer = pool("transaction")
    daemon = start_daemon(Pooled(bouncer.url(database.name)), heartbeat_seconds=0.5).wait_ready("leading")
    bouncer.process.kill()
    bouncer.process.wait()
    await sign_up(connection)
    wait_until(lambda: daemon.role is None, "the daemon says that it is not ready")
    bouncer.start()
    await eventually(connection, "select count(*) from enrollments", equals=1)


@pytest.mark.parametrize("mode", ["session", "transaction"])
@pytest.mark.half
async def test_a_reaction_of_ones_own_is_run_through_it_and_one_that_takes_long_is_ended(
    database: Database,
    connection: Connection,
    course: None,
    pool: Pool,
    start_daemon: Start,
    tmp_path: FilePath,
    mode: str,
) -> None:
    await queue(connection)
    folder = Folder(tmp_path / "reactions", database)
    folder.write("welcome", WELCOME)
    slow = WELCOME.replace("welcome_queue", "slow_queue")
    folder.write("slow", slow.replace("where batch_summary", "cross join pg_sleep(600)\nwhere batch_summary"))
    await connection.execute("create table slow_queue (profile_id uuid primary key)")
    daemon = start_daemon(Pooled(pool(mode).url(database.name)), heartbeat_seconds=0.5).wait_ready("leading")
    folder.install()
    for number in range(1, 6):
        await sign_up(connection)
        await eventually(connection, "select students from courses", equals=number)
        await eventually(connection, "select count(*) from welcome_queue", equals=number)
    assert "statement timeout" in daemon.told("reaction_blocked")
    folder.write("slow", slow)
    folder.install()
    await eventually(connection, "select count(*) from slow_queue", equals=5)
    replayed = listener(database.url, "replay", "welcome", "--since", "1 hour").stdout
    assert "will be handled again" in replayed
    await eventually(connection, "select count(*) from listener.unhandled('welcome')", equals=0)
    daemon.shows("listener_reconnects_total", 0)
