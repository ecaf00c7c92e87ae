"""`listener pause` and `resume`: notes wait, nothing is lost or done twice, under any leader."""

from collections.abc import Callable

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection
from listener.feed import pausing
from listener.reactions.reaction import BuiltIn
from tests.conftest import Database
from tests.support.eventually import AUDITED_SECONDS, eventually
from tests.support.pausing import FAST, FEW, SIGN_UP, pause, resume
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

StartDaemon = Callable[..., DaemonProcess]

MANY = 3000
SIGN_UP_ALONE = "insert into profiles (role) values ('student') returning id"
ENROLLED = "select count(*) from enrollments"
TWICE = "select count(*) - count(distinct user_id) from enrollments"
COUNTED = "select enrollments from courses"
UNHANDLED = "select count(*) from listener.unhandled($1)"
NOTES = "select count(*) from listener.change where profile_ids is not null"
LOOKED = "listener_samples_total"


def look_again(daemon: DaemonProcess, times: int = 3) -> None:
    """Wait until the leader has come by so many times more: whatever it was to do, it could have done."""
    looked = daemon.metric(LOOKED)
    wait_until(lambda: daemon.metric(LOOKED) >= looked + times, "the leader has looked again")


@pytest.mark.parametrize("students", [pytest.param(FEW, marks=pytest.mark.long), MANY])
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
    audits = "listener_audits_total"
    wait_until(lambda: daemon.metric(audits) >= 2, "the audit, which goes on, has come by", AUDITED_SECONDS)
    assert await connection.fetchval(ENROLLED) == 0
    assert await connection.fetchval(NOTES) == students // 100, "the purge keeps what is unhandled"
    assert daemon.events("students_missed") == []

    assert "goes on" in resume(database, "enroll")
    await eventually(connection, ENROLLED, equals=students)
    await eventually(connection, COUNTED, equals=students)
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetchval("select count(*) from listener.course_drift") == 0
    await eventually(connection, UNHANDLED, "count", equals=0)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("students", [pytest.param(FEW, marks=pytest.mark.long), MANY])
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
    audits, drift = "listener_audits_total", "listener_course_count_drift"
    wait_until(lambda: daemon.metric(audits) >= 3, "the audit goes on", 2 * AUDITED_SECONDS)
    wait_until(lambda: daemon.metric(drift) == 1, "what is off, and not on its way, is seen", AUDITED_SECONDS)
    await connection.execute("update courses set students = 0")
    wait_until(lambda: daemon.metric(drift) == 0, "what is on its way is no drift", AUDITED_SECONDS)
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


async def test_the_next_leader_heeds_it_and_each_daemon_tells_it_once(
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
    await connection.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'listener' and datname = current_database()"
    )
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
    reaction = BuiltIn("enroll")
    assert await reaction.together.react(daemon, 1000, 0) is not None
    await pausing.pause(connection, "enroll", None)
    assert not await pausing.let_finish(connection, 0.2)
    assert await connection.fetchval(ENROLLED) == 0
    await batch.commit()
    assert await pausing.let_finish(connection, 10)
    assert await connection.fetchval(ENROLLED) == FEW
    await daemon.close()


@pytest.mark.parametrize("manner", ["together", "each"])
@pytest.mark.parametrize("name", ["enroll", "count"])
async def test_each_way_to_treat_a_batch_does_nothing_while_paused(
    connection: Connection, database: Database, course: None, name: str, manner: str
) -> None:
    await connection.execute(SIGN_UP, 2)
    await connection.execute(
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
    )
    reaction = BuiltIn(name)
    consumer = reaction.each if manner == "each" else reaction.together
    await pausing.pause(connection, name, None)
    assert await consumer.react(connection, 1000, 0) is None
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
