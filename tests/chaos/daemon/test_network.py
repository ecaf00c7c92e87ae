"""A network that is cut without a word: nobody stays deaf for longer than the heartbeat allows."""

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import anyio
import anyio.to_thread
import asyncpg
import pytest

from listener.daemon.outage import LONGEST_CHEAP_SECONDS
from listener.database.connection import Connection
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import USER, Server, wait_until
from tests.support.process import DaemonProcess
from tests.support.proxy import Proxy

Start = Callable[..., DaemonProcess]

HEARTBEAT = 1.0
ATTEMPTS = 7
"""Attempts that fail. If none had worked before, the pause after the last would be 6.4 to 12.8 s."""
MOMENT = 2.0
"""In which a connection is made, and set up, on a busy machine."""
ENROLLED = "select count(*) from enrollments"
SLOW = """
create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return new; end $$;
create trigger slow before insert on enrollments for each row execute function slow();
"""
SLEEPS = """
select count(*) from pg_stat_activity
where application_name = 'listener' and wait_event = 'PgSleep' and datname = current_database()
"""


@dataclass(frozen=True)
class Behind:
    """A database behind a proxy."""

    url: str


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    proxy = Proxy(server.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


async def ready(daemon: DaemonProcess, role: str) -> None:
    await anyio.to_thread.run_sync(daemon.wait_ready, role)


def behind(proxy: Proxy, database: Database) -> Behind:
    return Behind(f"postgresql://{USER}@127.0.0.1:{proxy.port}/{database.name}")


async def not_ready(daemon: DaemonProcess) -> float:
    """Seconds until /readyz says that it is not."""
    started = time.monotonic()
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: daemon.role is None, "the daemon is not ready"))
    return time.monotonic() - started


@pytest.mark.parametrize("busy", [False, True], ids=["while idle", "in the middle of a statement"])
@pytest.mark.half
async def test_a_cut_is_noticed_within_the_heartbeats_time_and_readyz_says_so(
    connection: Connection, database: Database, course: None, start_daemon: Start, proxy: Proxy, busy: bool
) -> None:
    daemon = start_daemon(behind(proxy, database), heartbeat_seconds=HEARTBEAT)
    await ready(daemon, "leading")
    if busy:  # within the second that a batch has: the server finishes it
        await connection.execute(SLOW.replace("pg_sleep(2)", "pg_sleep(0.6)"))
    await connection.execute("insert into profiles (role) values ('student')")
    if busy:
        await eventually(connection, SLEEPS, equals=1)
    else:
        await eventually(connection, ENROLLED, equals=1)
    proxy.cut()
    assert await not_ready(daemon) < 3 * HEARTBEAT + 1
    await eventually(connection, ENROLLED, equals=1)
    await anyio.to_thread.run_sync(
        lambda: wait_until(
            lambda: bool(daemon.events("heartbeat_missed")), "the connection was given up", 2 * HEARTBEAT + 1
        )
    )
    proxy.mend()
    await ready(daemon, "leading")
    if busy:
        await connection.execute("drop trigger slow on enrollments")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, ENROLLED, equals=2)
    await eventually(connection, "select enrollments from courses", equals=2)


@pytest.mark.long
async def test_a_long_statement_on_a_sound_connection_is_waited_for(
    connection: Connection, database: Database, course: None, start_daemon: Start, proxy: Proxy
) -> None:
    daemon = start_daemon(behind(proxy, database), heartbeat_seconds=0.5)
    await ready(daemon, "leading")
    await connection.execute(SLOW.replace("pg_sleep(2)", "pg_sleep(4)"))
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, ENROLLED, equals=1)
    await ready(daemon, "leading")
    assert daemon.events("heartbeat_missed") == daemon.events("connection_lost") == []


async def test_a_standby_takes_over_from_a_leader_whose_network_is_cut(
    connection: Connection, database: Database, course: None, start_daemon: Start, proxy: Proxy
) -> None:
    leader = start_daemon(behind(proxy, database), heartbeat_seconds=HEARTBEAT)
    await ready(leader, "leading")
    standby = start_daemon(database, heartbeat_seconds=HEARTBEAT)
    await ready(standby, "standing_by")
    proxy.cut()
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, ENROLLED, equals=1)
    standby.wait_ready("leading")
    proxy.mend()
    await ready(leader, "standing_by")


async def test_a_connection_that_is_lost_again_soon_after_an_outage_is_made_again_within_4_s(
    connection: Connection, database: Database, course: None, start_daemon: Start, proxy: Proxy
) -> None:
    """However long the pauses of the outage had become: nobody waits for one of them again."""
    daemon = start_daemon(behind(proxy, database))
    await ready(daemon, "leading")

    async def comes(holds: Callable[[], bool], what: str) -> None:
        await anyio.to_thread.run_sync(lambda: wait_until(holds, f"{what}; the log:\n{daemon.text()}", 30))

    proxy.hangs_up = True
    proxy.hang_up()
    failed = 'listener_errors_total{kind="connection"}'
    await comes(lambda: daemon.metric(failed) >= ATTEMPTS, "it tries again and again")
    proxy.hangs_up = False
    await comes(lambda: len(daemon.events("connected")) == 2, "the outage is over")
    proxy.hang_up()
    await connection.execute("insert into profiles (role) values ('student')")
    await comes(lambda: len(daemon.events("connected")) == 3, "it is over again")
    await eventually(connection, ENROLLED, equals=1)
    _, first, second = daemon.events("connected")
    assert first["attempts"] >= ATTEMPTS
    assert second["attempts"] == 1
    assert second["outage_seconds"] < LONGEST_CHEAP_SECONDS + MOMENT


END_EACH_LEADER = """
-- A pause of an outage in which nothing worked would be 6.4 to 12.8 s by then.
do $$
declare
    ended integer[] := '{}';
    one integer;
begin
    while cardinality(ended) < 8 loop
        perform pg_stat_clear_snapshot();
        select lock_holder.pid from listener.lock_holder
        where lock_holder.lock = 'leader' and lock_holder.granted and lock_holder.pid <> all (ended)
        into one;
        if found then
            perform pg_terminate_backend(one);
            ended := ended || one;
        end if;
        perform pg_sleep(0.001);
    end loop;
end $$
"""


async def test_a_session_that_somebody_ends_as_soon_as_it_leads_is_made_again_within_4_s(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    start_daemon(database)
    await connection.execute(END_EACH_LEADER)
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, ENROLLED, equals=1, seconds=LONGEST_CHEAP_SECONDS + MOMENT)


@pytest.fixture
def own(server: Server, templates: Callable[[Server, str, bool], str]) -> Iterator[Database]:
    """An installed database on a server of this test's own, which may be stopped."""
    own = Server(server.version)
    own.create()
    own.start()
    yield Database(own, templates(own, "uuid", True))
    own.destroy()


async def test_after_a_half_open_connection_a_server_that_is_down_is_told_as_that(
    own: Database, start_daemon: Start
) -> None:
    proxy = Proxy(own.server.port)
    await proxy.start()
    daemon = start_daemon(behind(proxy, own), heartbeat_seconds=HEARTBEAT, sample_seconds=0.2)
    errors = 'listener_errors_total{{kind="{}"}}'

    async def comes(holds: Callable[[], bool], what: str) -> None:
        await anyio.to_thread.run_sync(lambda: wait_until(holds, f"{what}; the log:\n{daemon.text()}"))

    try:
        await ready(daemon, "leading")
        # Waiting for an answer that never comes, to a statement and not to a heartbeat: the watchdog alone can tell.
        connection: Connection = await asyncpg.connect(own.url)
        await connection.execute(f"insert into courses (title, price) values ('a', 1); {SLOW}")
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, SLEEPS, equals=1)
        proxy.cut()
        await comes(lambda: bool(daemon.events("heartbeat_missed")), "the connection is given up")
        connection.terminate()
        own.server.stop()
        proxy.mend()
        failed = daemon.metric(errors.format("connection"))
        await comes(lambda: daemon.metric(errors.format("connection")) >= failed + 4, "it fails to connect")
        assert daemon.metric(errors.format("heartbeat")) == 1
        for path in ("/readyz", "/", "/state.json"):
            assert "heartbeat did not come back" not in daemon.get(path)[1], path
        assert daemon.events("connection_lost") == []  # one outage has one first line
        assert len(daemon.events("heartbeat_missed")) == 1

        own.server.start()
        await comes(lambda: len(daemon.events("connected")) == 2, "the outage is over")
        own.server.stop()
        await comes(lambda: bool(daemon.events("connection_lost")), "the next outage has its own reason")
        assert daemon.metric(errors.format("heartbeat")) == 1
        assert len(daemon.events("heartbeat_missed")) == 1
    finally:
        await proxy.stop()


def may_make_namespaces() -> bool:
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin")
    if os.geteuid() != 0 or ip is None:
        return False
    made = subprocess.run([ip, "netns", "add", "listener-probe"], capture_output=True, check=False).returncode == 0
    subprocess.run([ip, "netns", "delete", "listener-probe"], capture_output=True, check=False)
    return made


@pytest.fixture
def cable() -> Iterator[str]:
    """A network namespace with a cable to here: 10.213.77.1 (here) and 10.213.77.2 (there); its name."""
    if not may_make_namespaces():
        pytest.skip("network namespaces need root and iproute2")
    name = f"listener-{os.getpid()}"
    here, there = f"lh{os.getpid()}", f"lt{os.getpid()}"
    for command in (
        f"ip netns add {name}",
        f"ip link add {here} type veth peer name {there} netns {name}",
        f"ip address add 10.213.77.1/24 dev {here}",
        f"ip link set {here} up",
        f"ip -n {name} address add 10.213.77.2/24 dev {there}",
        f"ip -n {name} link set {there} up",
        f"ip -n {name} link set lo up",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    subprocess.run(["ip", "link", "delete", here], check=False, capture_output=True)


@pytest.fixture
def reachable(postgres_version: int) -> Iterator[Database]:
    """A server that listens on every address."""
    server = Server(postgres_version, settings={"listen_addresses": "*"})
    server.create()
    with (server.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.213.77.0/24 trust\n")
    server.start()
    server.psql("postgres", "create database lms")
    server.psql("lms", lms.schema())
    server.psql("lms", install_script(server.url("lms")))
    yield Database(server, "lms")
    server.destroy()


async def test_the_lock_of_a_leader_whose_host_is_gone_is_free_within_30_s(cable: str, reachable: Database) -> None:
    """Nobody else is there to depose it: the server itself must notice, by the session's keepalives."""
    url = f"postgresql://{USER}@10.213.77.1:{reachable.server.port}/lms"
    daemon = DaemonProcess(url, {"http_host": "127.0.0.1"}, prefix=("ip", "netns", "exec", cable))
    connection: Connection = await asyncpg.connect(reachable.url)
    try:
        led = f"select count(*) from pg_locks where locktype = 'advisory' and objid = 1 and {LOCKED_HERE}"
        await eventually(connection, led, equals=1)
        await anyio.run_process(["ip", "link", "set", f"lh{os.getpid()}", "down"])
        cut_at = time.monotonic()
        await eventually(connection, led, equals=0, seconds=40)
        assert time.monotonic() - cut_at < 30
    finally:
        connection.terminate()
        daemon.clean_up()
