"""Somebody with a login and no rights at all takes the locks by which daemons agree who leads: nobody has to wait."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import anyio.lowlevel
import asyncpg
import pytest

from listener.daemon.polling import PollingExecutor
from listener.database.connection import Connection
from listener.database.locks import FIRST_DEPUTY_LOCK, LEADER_LOCK, LOCK_CLASS
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import Server, two_versions, wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.strangers import ALL, BELL, CLASS, LEADERS, Stranger, strangers

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"
SIGN_UP = "insert into profiles (role) values ('student')"


@pytest.fixture(scope="module", params=two_versions())
def postgres_version(request: pytest.FixtureRequest) -> int:
    """Both."""
    version: int = request.param
    return version


@pytest.fixture
async def stranger(database: Database) -> AsyncIterator[Stranger]:
    async with strangers(database) as connect:
        yield connect


@pytest.fixture(autouse=True)
async def school(connection: Connection) -> None:
    await connection.execute("insert into courses (title) values ('a')")


async def works(connection: Connection, signed_up: int = 1, seconds: float = 4.0) -> None:
    """One more signs up, and is enrolled and counted."""
    await connection.execute(SIGN_UP)
    await eventually(connection, ENROLLED, equals=signed_up, seconds=seconds)
    await eventually(connection, "select enrollments from courses", equals=signed_up, seconds=seconds)


async def test_attacker_who_holds_every_lock_of_ours_stops_nobody(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    await attacker.execute(ALL)
    start_daemon(database, heartbeat_seconds=5, sample_seconds=1)
    started = time.monotonic()
    await works(connection, seconds=15)
    assert time.monotonic() - started < 12, "not after three heartbeats"
    await works(connection, 2)


async def test_attacker_is_told_wherever_people_and_machines_look(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    pid = attacker.get_server_pid()
    await attacker.execute(LEADERS)
    daemon = start_daemon(database, heartbeat_seconds=1, sample_seconds=0.2).wait_ready("leading")
    wait_until(lambda: daemon.metric('listener_foreign_lock_holders{lock="leader"}') == 1, "the metric says so")
    assert daemon.metric('listener_foreign_lock_holders{lock="bell"}') == 0
    assert f"session {pid}" in daemon.get("/readyz")[1]
    assert "stranger" not in daemon.get("/readyz")[1], "somebody who reaches the port learns no role"
    status = json.loads(listener(database.url, "status", "--json", check=False).stdout)
    assert [each["code"] for each in status["problems"]] == ["locks_squatted"]
    told = {name: status["squatters"][0][name] for name in ("pid", "role", "lock", "mend")}
    mend = f"select pg_terminate_backend({pid})"
    assert told == {"pid": pid, "role": "stranger", "lock": "leader", "mend": mend}
    human = " ".join(listener(database.url, "status", check=False).stdout.split())
    assert f"session {pid}, which is no daemon, holds the leader's lock (role stranger)" in human
    found = json.loads(listener(database.url, "diagnose", "--json", check=False).stdout)["findings"]
    finding = next(each for each in found if each["code"] == "locks_squatted")
    assert mend in finding["examples"][0]
    assert "stranger" in finding["examples"][0]
    samples = daemon.metric("listener_samples_total")
    wait_until(lambda: daemon.metric("listener_samples_total") > samples + 3, "it looked again")
    (line,) = daemon.events("lock_squatted")
    assert (line["pid"], line["role"], line["lock"], line["level"]) == (pid, "stranger", "leader", "warning")
    await connection.execute(mend)
    wait_until(lambda: daemon.metric('listener_foreign_lock_holders{lock="leader"}') == 0, "it is over")
    assert "squatters" not in daemon.get("/readyz")[1]
    assert "warning" not in daemon.get("/readyz")[1]
    assert json.loads(listener(database.url, "status", "--json", check=False).stdout)["squatters"] == []


async def test_attacker_who_calls_his_session_a_daemon_and_is_never_idle_leads_nobody(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger(application_name="listener")
    await attacker.execute(LEADERS)
    busy = asyncio.create_task(attacker.execute("select pg_sleep(60)"))
    try:
        start_daemon(database, heartbeat_seconds=0.5)
        await works(connection, seconds=10)
        status = json.loads(listener(database.url, "status", "--json", check=False).stdout)
        assert status["leader_pid"] not in (None, attacker.get_server_pid())
        assert status["standbys"] == 0
    finally:
        busy.cancel()


async def test_attacker_who_calls_his_session_a_daemon_does_not_make_status_healthy(
    database: Database, stranger: Stranger
) -> None:
    attacker = await stranger(application_name="listener")
    await attacker.execute("select 1")
    done = listener(database.url, "status", "--json", check=False)
    seen = json.loads(done.stdout)
    assert (done.returncode, seen["leader_pid"], seen["polling"], seen["standbys"]) == (1, None, False, 0)
    await attacker.execute(LEADERS)
    seen = json.loads(listener(database.url, "status", "--json", check=False).stdout)
    assert (seen["leader_pid"], seen["healthy"], seen["squatter_pid"]) == (None, False, attacker.get_server_pid())


@pytest.mark.parametrize("mode", ["pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock"])
async def test_attacker_with_many_sessions_that_hold_thousands_of_numbers_stops_nobody(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start, mode: str
) -> None:
    first = 1
    for number in range(4):
        attacker = await stranger(f"stranger_{number}")
        await attacker.execute("begin")
        await attacker.execute(f"select {mode}({CLASS}, n) from generate_series({first}, {first + 999}) as n")
        first += 1000
    begun = time.monotonic()
    daemons = [start_daemon(database, heartbeat_seconds=0.5) for _ in range(2)]
    await works(connection, seconds=15)
    wait_until(lambda: {daemon.role for daemon in daemons} == {"leading", "standing_by"}, "one of two leads")
    assert time.monotonic() - begun < 15


async def test_attacker_who_waits_for_the_lock_gets_it_and_nothing_else_when_the_leader_dies(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    leader = start_daemon(database, heartbeat_seconds=5).wait_ready("leading")
    standby = start_daemon(database, heartbeat_seconds=5).wait_ready("standing_by")
    attacker = await stranger()
    waits = asyncio.create_task(attacker.execute(LEADERS))
    waiting = f"select count(*) from pg_locks where not granted and classid = $1 and objid = 1 and {LOCKED_HERE}"
    await eventually(connection, waiting, CLASS, equals=1)
    leader.kill()
    died_at = time.monotonic()
    await works(connection, seconds=10)
    assert time.monotonic() - died_at < 4, "it did not wait for three heartbeats"
    await waits
    standby.wait_ready("leading")


async def test_attacker_whose_role_is_dropped_is_still_no_daemon(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger("soon_gone")
    await attacker.execute(ALL)
    await connection.execute("drop role soon_gone")
    start_daemon(database, heartbeat_seconds=5)
    await works(connection, seconds=10)
    told = json.loads(listener(database.url, "status", "--json", check=False).stdout)
    assert [each["code"] for each in told["problems"]] == ["locks_squatted"]
    assert told["leader_pid"] is not None


async def test_attacker_holds_up_neither_a_step_nor_a_poller(
    database: Database, connection: Connection, stranger: Stranger
) -> None:
    attacker = await stranger()
    await attacker.execute(ALL)
    await connection.execute(SIGN_UP)
    assert await connection.fetchval("select leads from listener.step()")
    assert await connection.fetchval(ENROLLED) == 1
    assert await PollingExecutor(connection, 5, lambda: None).fetchrow("select true") is not None


async def test_a_step_and_a_poller_leave_the_work_to_a_deputy(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    await attacker.execute(LEADERS)
    daemon = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    await attacker.close()
    assert not await connection.fetchval("select leads from listener.step()"), "though the leader's lock is free"
    await works(connection)
    assert daemon.events("leadership_lost") == []


async def test_attacker_keeps_no_count_from_its_repair_and_no_rename_from_being_followed(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    await attacker.execute(ALL)
    daemon = start_daemon(database, heartbeat_seconds=0.5, audit_seconds=1)
    await works(connection, seconds=10)
    await connection.execute("update courses set enrollments = 7")
    await eventually(connection, "select enrollments from courses", equals=1)
    daemon.told("drift_repaired")
    await connection.execute("update courses set enrollments = 7")
    listener(database.url, "sync", check=False)
    assert await connection.fetchval("select enrollments from courses") == 1
    await connection.execute("alter table enrollments rename column user_id to person_id")
    daemon.told("mapping_followed")
    await works(connection, 2)


async def test_two_repairs_run_one_after_the_other(database: Database, connection: Connection) -> None:
    other: Connection = await asyncpg.connect(database.url)
    try:
        async with connection.transaction():
            await connection.execute("select listener.repair_alone()")
            await other.execute("set lock_timeout = '50ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute("select listener.repair_alone()")
        await other.execute("select listener.repair_alone()")
    finally:
        other.terminate()


async def test_attacker_cannot_take_what_keeps_repairs_apart(database: Database, stranger: Stranger) -> None:
    attacker = await stranger()
    for table in ("installation", "adapter"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attacker.execute(f"begin; lock table listener.{table} in share update exclusive mode")
        await attacker.execute("rollback")


async def test_a_daemons_role_of_its_own_counts_as_a_daemon(
    make_database: Callable[..., Database], start_daemon: Start
) -> None:
    """Also where it has its rights from a group that it must become first, and where nobody may see its session."""
    database = make_database(installed=False)
    psql = database.server.psql
    for role in ("runners", "runner login in role runners noinherit", "cutter login"):
        create = f"create role {role}; exception when duplicate_object then null;"
        psql("postgres", f"do $$ begin {create} end $$")
    psql("postgres", "alter role runner set role runners")
    listener(database.url, "install", "--grant-to", "runners", "--grant-to", "cutter")
    names = "select array_agg(pid order by pid) from listener.entitled_session where application_name = 'listener'"
    connection: Connection = await asyncpg.connect(database.url)
    try:
        urls = [database.server.url(database.name, user=role) for role in ("runner", "cutter")]
        daemons = [DaemonProcess(url, {"heartbeat_seconds": 0.5}) for url in urls]
        try:
            wait_until(lambda: {each.role for each in daemons} == {"leading", "standing_by"}, "one of two leads")
            assert len(await connection.fetchval(names)) == 2
            assert all(each.events("lock_squatted") == [] for each in daemons)
        finally:
            for each in daemons:
                each.clean_up()
    finally:
        connection.terminate()


async def test_no_two_ever_lead_while_somebody_takes_and_releases_the_lock(
    database: Database, stranger: Stranger
) -> None:
    attacker = await stranger()
    candidates: list[Connection] = [await asyncpg.connect(database.url) for _ in range(4)]
    leading = times = deputies = 0

    async def toggle() -> None:
        while True:
            await attacker.execute(LEADERS)
            await anyio.sleep(0.001)
            await attacker.execute(f"select pg_advisory_unlock({CLASS}, 1)")

    async def try_to_lead(connection: Connection) -> None:
        nonlocal leading, times, deputies
        while times < 200:
            number = await connection.fetchval("select listener.lead(true)")
            if number is not None:
                leading += 1
                assert leading == 1
                assert number == LEADER_LOCK or number >= FIRST_DEPUTY_LOCK
                times += 1
                deputies += number != LEADER_LOCK
                await anyio.sleep(0.002)
                leading -= 1
                await connection.execute(f"select pg_advisory_unlock({LOCK_CLASS}, {number})")
            await anyio.lowlevel.checkpoint()

    try:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(toggle)
                async with anyio.create_task_group() as tries:
                    for each in candidates:
                        tries.start_soon(try_to_lead, each)
                tasks.cancel_scope.cancel()
    finally:
        for each in candidates:
            each.terminate()
    assert 0 < deputies < times, "both kinds of lock were led by"


@pytest.fixture
def preparing(postgres_version: int) -> Iterator[Database]:
    """Where transactions may be prepared."""
    server = Server(postgres_version, settings={"max_prepared_transactions": "4"})
    server.create()
    server.start()
    server.psql("postgres", "create database school")
    server.psql("school", lms.schema("uuid"))
    server.psql("school", install_script(server.url("school")))
    yield Database(server, "school")
    server.destroy()


async def test_attacker_whose_prepared_transaction_holds_the_locks_stops_nobody(
    preparing: Database, start_daemon: Start
) -> None:
    """It has no session that could be ended, and outlives a restart."""
    async with strangers(preparing) as stranger:
        attacker = await stranger()
        await attacker.execute(
            f"begin; select pg_advisory_xact_lock({CLASS}, n) from generate_series(1, 20) as n;"
            "prepare transaction 'it''s mine'"
        )
        await attacker.close()
    preparing.server.restart()
    connection: Connection = await asyncpg.connect(preparing.url)
    try:
        await connection.execute("insert into courses (title) values ('a')")
        daemon = start_daemon(preparing, heartbeat_seconds=5, sample_seconds=0.2)
        await works(connection, seconds=10)
        daemon.told("lock_squatted")
        status = json.loads(listener(preparing.url, "status", "--json", check=False).stdout)
        assert {each["role"] for each in status["squatters"]} == {"stranger"}
        assert listener(preparing.url, "diagnose", check=False).returncode == 1
        await connection.execute(status["squatters"][0]["mend"])
        wait_until(lambda: daemon.metric('listener_foreign_lock_holders{lock="leader"}') == 0, "it is over")
    finally:
        connection.terminate()


async def test_attacker_does_not_keep_a_frozen_leader_in_office(
    database: Database, connection: Connection, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    await attacker.execute(ALL)
    leader = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    standby = start_daemon(database, heartbeat_seconds=0.5).wait_ready("standing_by")
    leader.process.send_signal(signal.SIGSTOP)
    await works(connection, seconds=10)
    assert len(standby.events("leader_deposed")) == 1
    leader.process.send_signal(signal.SIGCONT)
    leader.wait_ready("standing_by")


async def test_attacker_at_the_bell_is_told_as_such(
    database: Database, stranger: Stranger, start_daemon: Start
) -> None:
    attacker = await stranger()
    await attacker.execute(BELL)
    daemon = start_daemon(database, heartbeat_seconds=1, sample_seconds=60).wait_ready("leading")
    assert "'lock': 'bell'" in daemon.told("lock_squatted")
    assert daemon.metric('listener_foreign_lock_holders{lock="bell"}') == 1
    assert "the bell is held by session" in daemon.get("/readyz")[1]
    human = " ".join(listener(database.url, "status", check=False).stdout.split())
    assert f"nobody rings: session {attacker.get_server_pid()}, which is no daemon, holds the bell" in human
