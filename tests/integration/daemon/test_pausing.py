"""`listener pause` and `resume`: notes wait, nothing is lost or done twice, and everybody who looks is told."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import anyio
import asyncpg
import pytest

from listener.connection import Connection
from listener.feed import pausing
from listener.reactions.reaction import Reaction
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, environment, listener

StartDaemon = Callable[..., DaemonProcess]

FEW, MANY = 100, 3000
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1::int)"
SIGN_UP_ALONE = "insert into profiles (role) values ('student') returning id"
ENROLLED = "select count(*) from enrollments"
TWICE = "select count(*) - count(distinct user_id) from enrollments"
COUNTED = "select enrollments from courses"
UNHANDLED = "select count(*) from listener.unhandled($1)"
NOTES = "select count(*) from listener.change where profile_ids is not null"
LOOKED = "listener_samples_total"


@pytest.fixture
async def course(connection: Connection) -> None:
    """The one course."""
    await connection.execute("insert into courses (title, price) values ('a', 1)")


def pause(database: Database, *arguments: str) -> str:
    """What `listener pause` says."""
    return listener(database.url, "pause", *arguments).stdout


def resume(database: Database, name: str) -> str:
    """What `listener resume` says."""
    return listener(database.url, "resume", name).stdout


def status(database: Database) -> tuple[int, dict[str, Any]]:
    """(exit status, what it says)."""
    done = listener(database.url, "status", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def look_again(daemon: DaemonProcess, times: int = 3) -> None:
    """Wait until the leader has come by so many times more: whatever it was to do, it could have done."""
    looked = daemon.metric(LOOKED)
    wait_until(lambda: daemon.metric(LOOKED) >= looked + times, "the leader has looked again")


FAST = {"heartbeat_seconds": 0.5, "sample_seconds": 0.1, "audit_seconds": 0.2, "retention_seconds": 0}


@pytest.mark.parametrize("students", [FEW, MANY])
async def test_who_signs_up_while_enrolling_is_paused_is_enrolled_once_when_it_goes_on(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon, students: int
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    assert "enroll is paused" in pause(database, "enroll", "--reason", "bulk import")
    for _ in range(students // 100):
        await connection.execute(SIGN_UP, 100)
    look_again(daemon)
    assert await connection.fetchval(ENROLLED) == 0

    assert daemon.stop() == 0
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    look_again(daemon)
    wait_until(lambda: daemon.metric("listener_audits_total") >= 2, "the audit, which goes on, has come by")
    assert await connection.fetchval(ENROLLED) == 0
    assert await connection.fetchval(NOTES) == students // 100, "the purge keeps what is unhandled"
    assert daemon.events("students_missed") == []

    assert "goes on" in resume(database, "enroll")
    await eventually(connection, ENROLLED, equals=students)
    await eventually(connection, COUNTED, equals=students)
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetchval("select count(*) from listener.course_drift") == 0
    await eventually(connection, UNHANDLED, "count", equals=0)


@pytest.mark.parametrize("students", [FEW, MANY])
async def test_while_counting_is_paused_students_are_enrolled_and_the_audit_repairs_nothing(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon, students: int
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    pause(database, "count")
    await connection.execute(SIGN_UP, students)
    await eventually(connection, ENROLLED, equals=students)
    await connection.execute("update courses set students = 7")
    assert daemon.stop() == 0
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    wait_until(lambda: daemon.metric("listener_audits_total") >= 3, "the audit goes on")
    wait_until(lambda: daemon.metric("listener_course_count_drift") == 1, "what is off, and not on its way, is seen")
    await connection.execute("update courses set students = 0")
    wait_until(lambda: daemon.metric("listener_course_count_drift") == 0, "what is on its way is no drift")
    assert await connection.fetchval("select array[enrollments, students] from courses") == [0, 0]
    assert await connection.fetchval("select active_enrollments from listener.course_live_count") == students

    resume(database, "count")
    await eventually(connection, "select array[enrollments, students] from courses", equals=[students] * 2)
    assert daemon.metric("listener_count_corrections_total") == 0
    assert daemon.events("drift_repaired") == []


async def test_while_enrolling_is_paused_what_others_enroll_is_counted_at_once(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=300, sample_seconds=300).wait_ready("leading")
    pause(database, "enroll")
    wait_until(lambda: bool(daemon.events("paused")), "it was heard, long before the next heartbeat")
    student = await connection.fetchval(SIGN_UP_ALONE)
    await connection.execute("insert into enrollments (user_id, course_id) select $1, id from courses", student)
    await eventually(connection, COUNTED, equals=1)
    assert await connection.fetchval(UNHANDLED, "enroll") > 0
    resume(database, "enroll")
    await eventually(connection, "select count(*) from listener.unhandled('enroll') where delta is null", equals=0)
    assert await connection.fetchval(ENROLLED) == 1


async def test_pending_students_are_not_retried_while_enrolling_is_paused(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    await connection.execute(SIGN_UP, FEW)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=FEW)
    pause(database, "enroll")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    listener(database.url, "pending", "retry")
    look_again(daemon)
    assert await connection.fetchval(ENROLLED) == 0
    resume(database, "enroll")
    await eventually(connection, ENROLLED, equals=FEW)
    await eventually(connection, COUNTED, equals=FEW)


async def test_parked_counts_are_not_retried_while_counting_is_paused(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    other: Connection = await asyncpg.connect(database.url)
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    student = await connection.fetchval("insert into profiles (role) values ('teacher') returning id")
    holding = other.transaction()
    await holding.start()
    await other.execute("select from courses for no key update")
    await connection.execute("insert into enrollments (user_id, course_id) select $1, id from courses", student)
    await eventually(connection, "select sum(delta) from listener.pending_count", equals=1)
    pause(database, "count")
    await holding.rollback()
    await other.close()
    look_again(daemon)
    assert await connection.fetchval(COUNTED) == 0
    resume(database, "count")
    await eventually(connection, COUNTED, equals=1)


async def test_whoever_leads_next_heeds_it_and_each_daemon_tells_it_once(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    first = start_daemon(database, **FAST).wait_ready("leading")
    second = start_daemon(database, **FAST).wait_ready("standing_by")
    pause(database, "enroll", "--reason", "incident 7")
    wait_until(lambda: bool(first.events("paused")), "the leader was told")
    first.kill()
    second.wait_ready("leading")
    await connection.execute(SIGN_UP, FEW)
    look_again(second)
    assert await connection.fetchval(ENROLLED) == 0
    end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'"
    await connection.fetch(f"{end} and datname = current_database()")
    wait_until(lambda: second.metric("listener_reconnects_total") == 1, "it has another connection")
    second.wait_ready("leading")
    look_again(second)
    assert await connection.fetchval(ENROLLED) == 0

    resume(database, "enroll")
    await eventually(connection, ENROLLED, equals=FEW)
    wait_until(lambda: bool(second.events("resumed")), "it was told that it goes on")
    for daemon in (first, second):
        (told,) = daemon.events("paused")
        assert (told["consumer"], told["by"], told["reason"]) == ("enroll", "postgres", "incident 7")
    assert [event["consumer"] for event in second.events("resumed")] == ["enroll"]


async def test_no_batch_begins_once_pause_has_returned(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    start_daemon(database, heartbeat_seconds=300).wait_ready("leading")

    async def sign_ups(number: int) -> None:
        app = await asyncpg.connect(database.url)
        try:
            while True:
                await app.execute(SIGN_UP, number)
        finally:
            app.terminate()

    handled = (
        "select sum(seq)::bigint from (select max(seq) as seq from listener.checkpoint group by consumer) as latest"
    )
    async with anyio.create_task_group() as tasks:
        for number in (1, 2, 200):
            tasks.start_soon(sign_ups, number)
        for _ in range(10):
            for name in ("enroll", "count"):
                await pausing.pause(connection, name, None)
            assert await pausing.let_finish(connection)
            then = await connection.fetchval(handled)
            noted = await connection.fetchval("select count(*) from listener.change")
            enough = "select count(*) >= $1 from listener.change"
            await eventually(connection, enough, noted + 300, equals=True)
            assert await connection.fetchval(handled) == then
            for name in ("enroll", "count"):
                await pausing.resume(connection, name)
            await eventually(connection, f"select ({handled}) > $1", then + 4, equals=True)
        tasks.cancel_scope.cancel()


async def test_pause_waits_for_the_batch_in_hand_and_says_so_if_that_takes_too_long(
    connection: Connection, database: Database, course: None
) -> None:
    await connection.execute(SIGN_UP, FEW)
    daemon: Connection = await asyncpg.connect(database.url, server_settings={"application_name": "listener"})
    batch = daemon.transaction()
    await batch.start()
    reaction = Reaction.load("enroll")
    assert await reaction.together.react(daemon, 1000, 0) is not None
    await pausing.pause(connection, "enroll", None)
    assert not await pausing.let_finish(connection, 0.2)
    assert await connection.fetchval(ENROLLED) == 0
    await batch.commit()
    assert await pausing.let_finish(connection, 10)
    assert await connection.fetchval(ENROLLED) == FEW
    await daemon.close()


@pytest.mark.parametrize("manner", ["few", "together", "each"])
@pytest.mark.parametrize("name", ["enroll", "count"])
async def test_each_way_to_treat_a_batch_does_nothing_while_paused(
    connection: Connection, database: Database, course: None, name: str, manner: str
) -> None:
    await connection.execute(SIGN_UP, 2)
    await connection.execute(
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
    )
    reaction = Reaction.load(name)
    consumer = reaction.each if manner == "each" else reaction.together
    if manner == "together":
        consumer._expects_few = False
    await pausing.pause(connection, name, None)
    assert await consumer.react(connection, 1000, 0) is None
    if manner == "together":
        consumer._expects_few = False
    await pausing.resume(connection, name)
    batch = await consumer.react(connection, 1000, 0)
    assert batch is not None
    assert batch.changes > 0


async def test_behind_no_bell_a_daemon_that_looks_by_itself_heeds_it_too(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    await connection.execute("insert into listener.pause (consumer) values ('enroll')")
    await connection.execute(SIGN_UP, FEW)
    wait_until(lambda: bool(daemon.events("paused")), "the heartbeat brings it, where nobody rang")
    assert await connection.fetchval(ENROLLED) == 0
    await connection.execute("delete from listener.pause")
    await eventually(connection, ENROLLED, equals=FEW)


async def test_everybody_who_looks_is_told_and_nothing_is_called_late(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    gauge = 'listener_paused{reaction="enroll"}'
    assert daemon.metric(gauge) == 0
    assert "paused" not in json.loads(daemon.get("/readyz")[1])
    pause(database, "enroll", "--reason", "import of [2026]")
    await connection.execute(SIGN_UP, FEW)
    await connection.execute("update listener.change set at = at - interval '1 hour'")
    wait_until(lambda: daemon.metric("listener_paused_backlog_changes") == 1, "it is sampled")
    assert daemon.metric(gauge) == 1
    assert daemon.metric('listener_paused{reaction="count"}') == 0
    assert daemon.metric("listener_backlog_changes") == 0
    assert daemon.metric("listener_oldest_unhandled_timestamp_seconds") == 0

    answer, body = daemon.get("/readyz")
    assert (answer, json.loads(body)) == (200, {"status": "ok", "role": "leading", "paused": ["enroll"]})
    page = daemon.get("/")[1]
    assert "Leading; enroll paused" in page
    assert "listener resume enroll" in page
    told = json.loads(daemon.get("/state.json")[1])
    assert (told["paused"], told["sample"]["paused_backlog"]) == (["enroll"], 1)
    for path in ("/", "/state.json", "/readyz", "/metrics"):
        assert "import of" not in daemon.get(path)[1], "the reason is not for whoever reaches the port"

    code, seen = status(database)
    assert (code, seen["healthy"], seen["lag_seconds"], seen["backlog"]) == (0, True, None, 0)
    (paused,) = seen["paused"]
    assert (paused["consumer"], paused["paused_by"], paused["reason"]) == ("enroll", "postgres", "import of [2026]")
    assert seen["paused_backlog"] == 1
    human = " ".join(listener(database.url, "status").stdout.split())
    assert "by postgres (import of [2026])" in human
    assert "listener resume enroll" in human
    found = json.loads(listener(database.url, "diagnose", "--json", check=False).stdout)["findings"]
    assert [each["code"] for each in found] == ["paused"]
    assert "import of [2026]" in found[0]["examples"][0]

    resume(database, "enroll")
    wait_until(lambda: daemon.metric(gauge) == 0, "it is told")
    wait_until(lambda: daemon.metric("listener_paused_backlog_changes") == 0, "it is sampled")
    assert status(database)[1]["paused"] == []


async def test_the_lag_of_what_is_not_paused_is_told_as_ever(connection: Connection, database: Database) -> None:
    await connection.execute(SIGN_UP, FEW)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    enroll = (
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses limit 1"
    )
    await connection.execute(enroll)
    await connection.execute("update listener.change set at = at - interval '1 hour'")
    pause(database, "enroll")
    seen = status(database)[1]
    assert seen["lag_seconds"] > 3000
    pause(database, "count")
    assert status(database)[1]["lag_seconds"] is None


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_name_is_refused_in_one_line_that_names_those_there_are(database: Database, command: str) -> None:
    done = listener(database.url, command, "enrol", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "listener: enrol is no reaction. Those that there are: enroll, count.\n"


async def test_twice_is_once(connection: Connection, database: Database) -> None:
    pause(database, "enroll", "--reason", "first")
    since = await connection.fetchval("select since::text from listener.pause")
    said = pause(database, "enroll", "--reason", "second")
    assert said.count("\n") == 1
    assert "already" in said
    pause(database, "enroll")
    assert await connection.fetchval("select array[since::text, reason] from listener.pause") == [since, "second"]
    assert "goes on" in resume(database, "enroll")
    assert "nothing to do" in resume(database, "enroll")


@pytest.mark.parametrize("name", ["enroll", "count"])
def test_sync_says_that_it_is_paused_and_does_nothing(database: Database, start_daemon: StartDaemon, name: str) -> None:
    start_daemon(database).wait_ready("leading")
    pause(database, name, "--reason", "incident")
    done = subprocess.run(
        [sys.executable, "-m", "listener", "sync"],
        env=environment(database.url),
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
        timeout=8,  # it does not wait for what will not happen, which would take 10 s
    )
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert f"{name} is paused since" in done.stdout
    assert f"listener resume {name}" in done.stdout
    resume(database, name)
    assert listener(database.url, "sync", check=False).returncode == 0


async def test_the_daemons_own_role_may_pause_and_another_may_not(connection: Connection, database: Database) -> None:
    role, nobody = f"daemon_{database.name}", f"nobody_{database.name}"
    await connection.execute(f"create role {role} login; create role {nobody} login")
    try:
        listener(database.url, "install", "--grant-to", role)
        assert "enroll is paused" in listener(database.server.url(database.name, user=role), "pause", "enroll").stdout
        assert await connection.fetchval("select paused_by from listener.pause") == role
        refused = listener(database.server.url(database.name, user=nobody), "resume", "enroll", check=False)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
    finally:
        await connection.execute(f"drop owned by {role}; drop role {role}; drop role {nobody}")
