"""What was set aside is tried again as soon as its cause is gone, whenever its turn was, and whatever the server's
clock has done meanwhile."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.reactions import counting, enrolling
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess
from tests.support.refusing import UNPAID, refuse
from tests.support.unhurried import UNHURRIED

WAITING = "select count(*) from listener.pending_enrollment"
ENROLLED = "select count(*) from enrollments"
RETRY = "select * from listener.retry_enroll(200, singly => true)"

SET_ASIDE = """
insert into listener.pending_enrollment (profile_id, reason, error, attempts, next_attempt_at)
select id, 'failed', $1, 12, now() + $2::text::interval from profiles where full_name = $3
"""
PARK = """
insert into listener.pending_count (course_id, delta, error, attempts, next_attempt_at)
select id, 1, $1, 12, now() + $2::text::interval from courses where title = $3
"""


async def sign_up(connection: Connection, name: str, count: int) -> None:
    """Past the triggers."""
    await connection.execute(
        "set session_replication_role = replica;"
        f"insert into profiles (role, full_name) select 'student', '{name}' from generate_series(1, {count});"
        "reset session_replication_role"
    )


async def test_where_one_succeeds_all_who_were_refused_for_the_same_reason_are_enrolled_at_once(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute(refuse("(select full_name from profiles where id = new.user_id) = 'another'"))
    for name, count, error, when in (
        ("first", 1, "55P03: locked", "-1 second"),
        ("other", 370, "55P03: locked", "50 minutes"),
        ("another", 3, "P0001: the fee is not paid", "50 minutes"),
    ):
        await sign_up(connection, name, count)
        await connection.execute(SET_ASIDE, error, when, name)
    start_daemon(database, sample_seconds=600)
    await eventually(connection, ENROLLED, equals=371, seconds=20)
    assert await connection.fetchval(f"{WAITING} where attempts = 12 and next_attempt_at > now()") == 3


async def test_who_fails_for_the_same_reason_as_one_who_succeeds_waits_as_long_as_before(
    connection: Connection, daemon: Connection, course: None
) -> None:
    await connection.execute(f"{UNHURRIED}; {refuse(UNPAID)}")
    for name, when in (("paid", "-1 second"), ("unpaid", "30 minutes")):
        await sign_up(connection, name, 1)
        await connection.execute(SET_ASIDE, "P0001: the fee is not paid", when, name)
    row = await daemon.fetchrow(RETRY)
    assert row is not None
    assert (row["tried"], row["enrolled"], row["next_in"]) == (1, 1, 0)
    row = await daemon.fetchrow(RETRY)
    assert row is not None
    assert (row["tried"], row["enrolled"]) == (1, 0)
    assert await connection.fetchval(f"{WAITING} where next_attempt_at > now() + interval '30 minutes'") == 1


@pytest.mark.parametrize(("due", "settled"), [("-9 seconds", 1), ("-11 seconds", 0)], ids=["asked for", "was tried"])
async def test_where_an_attempt_ended_the_session_who_became_due_since_then_is_not_put_off(
    connection: Connection, daemon: Connection, course: None, due: str, settled: int
) -> None:
    await sign_up(connection, "one", 1)
    await connection.execute(SET_ASIDE, "XX000: crashed", due, "one")
    row = await daemon.fetchrow(enrolling.PUT_OFF, 1, 20, 10.0)
    assert row is not None
    assert (row["tried"], row["settled"]) == (1, settled)
    await connection.execute(PARK, "XX000: crashed", due, "a")
    row = await daemon.fetchrow(counting.PUT_OFF, 1, 20, 10.0)
    assert row is not None
    assert (row["tried"], row["settled"]) == (1, settled)


async def test_who_waits_for_a_lock_is_tried_again_within_seconds_however_often_it_was_held(
    connection: Connection, daemon: Connection, course: None
) -> None:
    await connection.execute(UNHURRIED)
    await connection.execute(refuse("true", "canceling statement due to lock timeout", "55P03"))
    await sign_up(connection, "locked", 5)
    await connection.execute(SET_ASIDE, "55P03", "-1 second", "locked")
    await daemon.fetchrow(RETRY)
    assert await connection.fetchval("select min(attempts) from listener.pending_enrollment") == 13
    assert await connection.fetchval(f"{WAITING} where next_attempt_at < now() + interval '13 seconds'") == 5


async def test_counts_that_were_refused_for_the_same_reason_move_once_one_of_them_does(
    connection: Connection, daemon: Connection
) -> None:
    await connection.execute(UNHURRIED)
    await connection.execute("insert into courses (title) values ('due'), ('later'), ('later'), ('else')")
    for title, error, when in (
        ("due", "P0001: closed", "-1 second"),
        ("later", "P0001: closed", "1 minute"),
        ("else", "P0001: another", "1 minute"),
    ):
        await connection.execute(PARK, error, when, title)
    for moved, next_in in ((1, 0), (2, None)):
        row = await daemon.fetchrow("select * from listener.retry_count(200)")
        assert row is not None
        assert row["moved"] == moved
        assert next_in is None or row["next_in"] == next_in
    left = "select array_agg(title) from listener.pending_count inner join courses on courses.id = course_id"
    assert await connection.fetchval(left) == ["else"]


async def test_a_clock_that_went_back_two_hours_has_nobody_wait_for_it(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """What was set aside before lies in the future then, further than anything that is set aside. (After one that went
    forward everything is due.)"""
    await sign_up(connection, "early", 20)
    await connection.execute(SET_ASIDE, "P0001: no", "2 hours", "early")
    await connection.execute(PARK, "P0001: no", "2 hours", "a")
    start_daemon(database, heartbeat_seconds=300, sample_seconds=1)
    await eventually(connection, ENROLLED, equals=20)
    await eventually(connection, WAITING, equals=0)
    await eventually(connection, "select count(*) from listener.pending_count", equals=0)
