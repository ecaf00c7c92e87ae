"""Enrollments that the LMS refuses, tables that somebody holds: the others go on, and nothing spins."""

import time
from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.reactions.batch_size import FIRST_BATCH
from tests.conftest import Database, install_script
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

Start = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"


@pytest.fixture
def leader(database: Database, start_daemon: Start) -> DaemonProcess:
    return start_daemon(database, heartbeat_seconds=1, sample_seconds=0.5).wait_ready("leading")


async def sign_up(connection: Connection, students: int, email: str = "") -> None:
    await connection.execute(
        "insert into profiles (role, email) select 'student', $2 from generate_series(1, $1::int)", students, email
    )


@pytest.mark.parametrize("code", ["P0001", "P0004", "23514", "LMS01", "XX000", "54001"])
@pytest.mark.half
async def test_one_student_that_is_refused_does_not_hold_up_the_batch(
    connection: Connection, course: None, leader: DaemonProcess, code: str
) -> None:
    condition = "exists (select from profiles where id = new.user_id and email = 'poison')"
    await connection.execute(refuse(condition, code=code))
    async with connection.transaction():
        await sign_up(connection, 20)
        await sign_up(connection, 1, "poison")
        await sign_up(connection, 20)
    await eventually(connection, ENROLLED, equals=40, seconds=3)
    await eventually(connection, "select enrollments from courses", equals=40)
    assert await connection.fetchval("select error from listener.pending_enrollment") == f"{code}: the fee is not paid"
    wait_until(lambda: leader.metric('listener_pending_students{reason="failed"}') == 1, "the metric shows it")
    told = [each.get("attempts", 1) for each in leader.events("student_pending")]
    assert told == list(range(1, len(told) + 1)), "each attempt once"
    await connection.execute("drop trigger refuse on enrollments")
    await eventually(connection, ENROLLED, equals=41)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=0)
    assert leader.events("connection_lost") == []


async def test_while_every_enrollment_is_refused_neither_log_fills(
    connection: Connection, server: Server, course: None, leader: DaemonProcess
) -> None:
    await connection.execute(refuse())
    errors, statements = server.log().count("ERROR:"), leader.metric('listener_batch_seconds_count{consumer="enroll"}')
    pending = "select count(*) from listener.pending_enrollment"
    for signed_up in range(10, 1001, 10):
        await sign_up(connection, 10)
        await eventually(connection, pending, equals=signed_up)
    assert server.log().count("ERROR:") - errors < 10
    assert len(leader.text().splitlines()) < 50 + 20 * 15
    assert leader.events("connection_lost") == []
    assert leader.metric('listener_batch_seconds_count{consumer="enroll"}') - statements <= 2 * 100 + 5
    await connection.execute("drop trigger refuse on enrollments")
    listener(leader.url, "pending", "retry")
    await eventually(connection, ENROLLED, equals=1000, seconds=30)


async def test_once_nobody_is_refused_any_more_those_who_wait_are_enrolled_in_batches(
    connection: Connection, database: Database, course: None, start_daemon: Start
) -> None:
    """By the transactions that enrolled: a savepoint for each student is one of its own. The one who is still refused
    is the first of a batch, and after so many attempts not tried again within the test: a batch fails once."""
    leader = start_daemon(database, heartbeat_seconds=1, batch_size=500).wait_ready("leading")
    await connection.execute(refuse())
    await sign_up(connection, 5000)
    pending = "select count(*) from listener.pending_enrollment"
    await eventually(connection, pending, equals=5000, seconds=60)
    # Nobody is due while the cause is mended for all but one.
    await connection.execute("update listener.pending_enrollment set attempts = 20")
    await connection.execute(
        "update listener.pending_enrollment set next_attempt_at = clock_timestamp() + interval '1 hour'"
    )
    condition = "exists (select from profiles where id = new.user_id and email = 'poison')"
    await connection.execute(f"drop function refuse cascade; {refuse(condition)}")
    first = "select id from profiles order by id limit 1"
    await connection.execute(f"update profiles set email = 'poison' where id = ({first})")
    await connection.execute(
        """update listener.pending_enrollment as pending set attempts = 20, next_attempt_at =
               clock_timestamp() - case when profile.email = 'poison' then interval '1 minute' else interval '0' end
           from profiles as profile where profile.id = pending.profile_id"""
    )
    await eventually(connection, ENROLLED, equals=4999, seconds=60)
    batches = await connection.fetch("select count(*) as enrolled from enrollments group by xmin::text")
    assert max(batch["enrolled"] for batch in batches) >= FIRST_BATCH
    assert sum(batch["enrolled"] == 1 for batch in batches) <= 500, "only those of one batch"
    assert await connection.fetchval(pending) == 1
    assert leader.events("connection_lost") == []


@pytest.mark.parametrize("table", ["profiles", "enrollments", "courses"])
async def test_a_table_that_somebody_locks_is_waited_for_on_the_same_connection(
    connection: Connection, database: Database, server: Server, course: None, leader: DaemonProcess, table: str
) -> None:
    holder: Connection = await asyncpg.connect(database.url)
    try:
        await sign_up(connection, 1)
        await eventually(connection, ENROLLED, equals=1)
        await eventually(connection, "select enrollments from courses", equals=1)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("insert into profiles (role) values ('student')")
        await holder.execute(f"lock table {table} in access exclusive mode")
        errors = server.log().count("ERROR:")
        held_until = time.monotonic() + 3
        while time.monotonic() < held_until:
            await connection.execute("select pg_notify('listener', '')")
        assert server.log().count("ERROR:") - errors < 20
        await transaction.commit()
        await eventually(connection, ENROLLED, equals=2)
        await eventually(connection, "select enrollments from courses", equals=2)
        assert leader.events("connection_lost") == []
    finally:
        holder.terminate()


async def test_a_cancelled_or_timed_out_reaction_is_tried_again(
    connection: Connection, course: None, leader: DaemonProcess
) -> None:
    await connection.execute(refuse("pg_sleep(1) is null"))
    await sign_up(connection, 1)
    cancel = """
        select count(*) from (
            select pg_cancel_backend(pid) from pg_stat_activity
            where application_name = 'listener' and datname = current_database() and wait_event = 'PgSleep'
        ) as cancelled
    """
    await eventually(connection, cancel, equals=1)
    await eventually(connection, ENROLLED, equals=1)
    assert leader.events("connection_lost") == []


async def test_a_heartbeat_that_somebody_is_in_the_way_of_is_made_again_on_the_same_connection(
    connection: Connection, course: None, leader: DaemonProcess
) -> None:
    """As when `listener install` replaces what the heartbeat reads."""
    gave_way = 'listener_errors_total{kind="chore"}'
    async with connection.transaction():
        await connection.execute("lock table listener.installation in access exclusive mode")
        wait_until(lambda: leader.metric(gave_way) > 0, "a heartbeat gave way")
    beats = leader.metric("listener_heartbeat_seconds_count")
    wait_until(lambda: leader.metric("listener_heartbeat_seconds_count") > beats, "the heart beats again")
    await sign_up(connection, 1)
    await eventually(connection, ENROLLED, equals=1)
    assert leader.events("connection_lost") == []


@pytest.mark.parametrize("gone", ["drop schema listener cascade", "delete from listener.installation"])
async def test_a_schema_that_is_dropped_under_the_daemon_is_told_of_once(
    connection: Connection, course: None, leader: DaemonProcess, gone: str
) -> None:
    await connection.execute(gone)
    wait_until(lambda: leader.role is None, "the daemon is not ready")
    wait_until(lambda: "run `listener install`" in leader.get("/readyz")[1], "it says what to do")
    assert len(leader.events("connection_lost")) + len(leader.events("not_ready")) <= 2


async def test_where_somebody_deleted_all_checkpoints_the_feed_starts_over(
    connection: Connection, course: None, leader: DaemonProcess
) -> None:
    await connection.execute("truncate listener.checkpoint; insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments", equals=1, seconds=30)
    await eventually(connection, "select enrollments from courses", equals=1, seconds=30)
    assert "the feed starts over" in leader.told("connection_lost")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select enrollments from courses", equals=2, seconds=30)


def test_a_schema_that_is_installed_at_last_is_found_within_5_s(
    make_database: Callable[..., Database], server: Server, start_daemon: Start
) -> None:
    database = make_database(installed=False)
    daemon = start_daemon(database)
    # By now the pauses of an outage that costs the server lines in its log would be longer than that.
    wait_until(lambda: daemon.get("/livez")[0] == 200, "it serves")
    wait_until(lambda: daemon.metric("listener_connection_attempts_total") >= 10, "it looks again and again", 60)
    server.psql(database.name, install_script(database.url))
    daemon.wait_ready("leading", 5)
    assert len(daemon.events("not_ready")) == 1
