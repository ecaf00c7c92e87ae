"""Any number of daemons on one database: one leads, the others take over when it dies, or freezes."""

import json
import os
import signal
import time
from collections.abc import Callable
from functools import partial

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection
from listener.database.locks import LEADER_LOCK, LOCK_CLASS
from tests.conftest import Database
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import as_role

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"


async def sign_up(connection: Connection) -> None:
    await connection.execute("insert into profiles (role) values ('student')")


@pytest.fixture
def leader(database: Database, start_daemon: Start) -> DaemonProcess:
    return start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")


@pytest.fixture
def standby(database: Database, start_daemon: Start, leader: DaemonProcess) -> DaemonProcess:
    return start_daemon(database, heartbeat_seconds=0.5).wait_ready("standing_by")


async def test_a_frozen_leader_of_another_role_is_passed_over_and_leads_on_when_it_wakes(
    database: Database, connection: Connection, start_daemon: Start, course: None
) -> None:
    """Whose sessions this role may not end."""
    first, second = (f"{database.name}_{number}" for number in ("one", "two"))
    await connection.execute(f"create role {first} login; create role {second} login")
    listener(database.url, "install", "--grant-to", first, "--grant-to", second)
    settings = {"heartbeat_seconds": 0.5, "sample_seconds": 0.3}
    leader = start_daemon(as_role(database, first), **settings).wait_ready("leading")
    other = start_daemon(as_role(database, second), **settings).wait_ready("standing_by")
    leader.process.send_signal(signal.SIGSTOP)
    other.wait_ready("leading")
    (told,) = other.events("leader_passed_over")
    assert told["role"] == first
    assert other.events("lock_squatted") == []
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select enrollments from courses", equals=1)
    leader.process.send_signal(signal.SIGCONT)
    wait_until(lambda: {leader.role, other.role} == {"leading", "standing_by"}, "one of them leads")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select enrollments from courses", equals=2)
    assert await connection.fetchval("select count(*) from enrollments") == 2
    status = json.loads(listener(database.url, "status", "--json", check=False).stdout)
    assert status["problems"] == []


async def test_a_leader_whose_session_cannot_be_ended_is_passed_over(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    """Its process in the server hears no signal: it waits for a disk, or for a call to the outside."""
    pid = await connection.fetchval("select pid from listener.lock_holder where lock = 'leader'")
    os.kill(pid, signal.SIGSTOP)
    try:
        await sign_up(connection)
        await eventually(connection, ENROLLED, equals=1, seconds=30)
        assert max(len(each.events("leader_deposed")) for each in (leader, standby)) == 1
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_standby_takes_over_within_2_s_of_the_leaders_death(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    leader.kill()
    died_at = time.monotonic()
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=1)
    assert time.monotonic() - died_at < 2
    standby.wait_ready("leading")  # with its own first heartbeat: the last one of the dead leader may be too old by now


async def test_a_standby_takes_over_within_2_s_of_the_leaders_connections_end(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    pid = await connection.fetchval(
        f"select pid from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2 and {LOCKED_HERE}",
        LOCK_CLASS,
        LEADER_LOCK,
    )
    await connection.execute(f"select pg_terminate_backend({pid})")
    ended_at = time.monotonic()
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=1)
    assert time.monotonic() - ended_at < 2


async def test_a_frozen_leader_is_deposed_and_does_no_harm_when_it_wakes(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    leader.process.send_signal(signal.SIGSTOP)
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=1)
    assert len(standby.events("leader_deposed")) == len(standby.events("leader_acquired")) == 1
    leader.process.send_signal(signal.SIGCONT)
    leader.wait_ready("standing_by")
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=2)
    await eventually(connection, "select enrollments from courses", equals=2)
    assert standby.role == "leading"


async def test_a_leader_whose_statement_takes_long_is_not_deposed(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    await connection.execute(
        "create function slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(4); return new; end $$;"
        "create trigger slow before insert on enrollments for each row execute function slow()"
    )
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=1)
    assert standby.events("leader_deposed") == []
    leader.wait_ready("leading")


@pytest.mark.long
async def test_where_activities_are_not_tracked_it_is_not_deposed_either(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    """Neither by the standby, nor by itself."""
    await connection.execute(f"alter database {database.name} set track_activities = off")
    await connection.execute(
        "create function slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(5); return new; end $$;"
        "create trigger slow before insert on enrollments for each row execute function slow()"
    )
    leader = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    standby = start_daemon(database, heartbeat_seconds=1).wait_ready("standing_by")
    await sign_up(connection)
    await eventually(connection, ENROLLED, equals=1)
    leader.wait_ready("leading")
    assert standby.events("leader_deposed") == []
    assert leader.events("heartbeat_missed") == leader.events("connection_lost") == []


@pytest.mark.long
async def test_a_leader_whose_long_statement_has_just_ended_is_not_deposed(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    """It was silent for long then, and its next heartbeat is still to come."""
    leader = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    standby = start_daemon(database, heartbeat_seconds=1).wait_ready("standing_by")
    await connection.execute(
        "create function slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(5); return new; end $$;"
        "create trigger slow before insert on enrollments for each row execute function slow()"
    )
    await sign_up(connection)
    leading = f"select pid from pg_locks where classid = $1 and objid = $2 and {LOCKED_HERE}"
    slow = f"from pg_stat_activity where pid in ({leading})"
    lock = (LOCK_CLASS, LEADER_LOCK)
    alone = "2 seconds"  # a batch is ended after one; the student is tried alone then, and may take long
    await eventually(connection, f"select now() - query_start > interval '{alone}' {slow}", *lock, equals=True)
    leader.process.send_signal(signal.SIGSTOP)
    await eventually(connection, ENROLLED, equals=1)
    await eventually(connection, f"select now() - state_change > interval '2 seconds' {slow}", *lock, equals=True)
    leader.process.send_signal(signal.SIGCONT)
    leader.wait_ready("leading")
    assert standby.events("leader_deposed") == []


@pytest.mark.long
async def test_a_leader_that_is_heard_is_not_deposed_however_its_heartbeats_are_forged(
    connection: Connection, database: Database, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    """Heartbeats of others count for nothing: a frozen leader cannot be kept in office by them."""
    leader.process.send_signal(signal.SIGSTOP)
    frozen_at = time.monotonic()
    while standby.events("leader_deposed") == []:
        await connection.execute("select pg_notify('listener', 'heartbeat')")
        assert time.monotonic() - frozen_at < 15
    leader.process.send_signal(signal.SIGCONT)


def _names_the_holder(daemon: DaemonProcess) -> bool:
    return "held by session" in daemon.get("/readyz")[1]


async def test_a_lock_held_by_a_session_that_is_no_daemon_does_not_stop_the_work(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    await connection.execute(f"select pg_advisory_lock({LOCK_CLASS}, {LEADER_LOCK})")
    daemons = [start_daemon(database, heartbeat_seconds=0.5) for _ in range(2)]
    client: Connection = await asyncpg.connect(database.url)
    try:
        await sign_up(client)
        await eventually(client, ENROLLED, equals=1)
        wait_until(lambda: {daemon.role for daemon in daemons} == {"leading", "standing_by"}, "one of two leads")
        deputy = next(daemon for daemon in daemons if daemon.role == "leading")
        assert len(deputy.events("lock_squatted")) == 1
        for daemon in daemons:
            wait_until(partial(_names_the_holder, daemon), "each says who holds the lock")
        assert (await connection.fetchval("select 1")) == 1  # nobody's session was ended
    finally:
        await client.close()


@pytest.mark.long
async def test_a_standby_that_knew_an_earlier_leader_passes_over_a_session_that_is_no_daemon_as_soon(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    heartbeat = 2
    leader = start_daemon(database, heartbeat_seconds=heartbeat).wait_ready("leading")
    standby = start_daemon(database, heartbeat_seconds=heartbeat).wait_ready("standing_by")
    squatter: Connection = await asyncpg.connect(database.url)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(squatter.execute, f"select pg_advisory_lock({LOCK_CLASS}, {LEADER_LOCK})")
            waits = f"select count(*) from pg_locks where locktype = 'advisory' and not granted and {LOCKED_HERE}"
            await eventually(connection, waits, equals=1)
            leader.kill()
        killed_at = time.monotonic()
        wait_until(lambda: standby.role == "leading", "the standby leads")
        assert time.monotonic() - killed_at < 3 * heartbeat + 2 + 2
    finally:
        squatter.terminate()


async def test_a_standby_is_ready_and_a_leader_gives_up_leadership_at_once_when_stopped(
    connection: Connection, course: None, leader: DaemonProcess, standby: DaemonProcess
) -> None:
    assert leader.stop() == 0
    stopped_at = time.monotonic()
    wait_until(lambda: standby.role == "leading", "the standby leads")
    assert time.monotonic() - stopped_at < 2
