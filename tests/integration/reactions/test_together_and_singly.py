"""A batch as a whole, and each student or course on its own: both ways do the same."""

from collections.abc import Awaitable, Callable

import anyio
import asyncpg
import pytest

from listener.database.connection import Connection, tune
from listener.errors import Fenced
from listener.feed.registry import COUNT, ENROLL
from listener.reactions.reaction import SHOWN, BuiltIn
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.unhurried import UNHURRIED

WORK = {
    "a sign-up": "insert into profiles (role) values ('student')",
    "some sign-ups": "insert into profiles (role) select 'student' from generate_series(1, 30)",
    "a teacher": "insert into profiles (role) values ('teacher')",
    "who is enrolled already": (
        "with made as (insert into profiles (role) values ('student') returning id)"
        " insert into enrollments (user_id, course_id) select made.id, courses.id from made cross join courses"
    ),
    "an enrollment that goes": "delete from enrollments where user_id in (select user_id from enrollments limit 1)",
    "a course": "insert into courses (title, price) values ('later', 2)",
    "a transaction of several": (
        "begin; insert into profiles (role) values ('student'); insert into profiles (role) values ('student');"
        " update enrollments set status = 'cancelled'; commit"
    ),
}

SAME = {"enrolled", "pending", "courses_changed", "profiles", "moved", "parked"}
STATE = """
select
    (select array_agg(status order by status) from public.enrollments) as enrollments,
    (select array_agg(enrollments order by price) from public.courses) as counts,
    (select array_agg(handled::text order by seq desc) from listener.checkpoint where consumer = $1) as checkpoints,
    (select count(*) from listener.unhandled($1) where profile_ids is not null) as left_over,
    (select count(*) from listener.pending_enrollment) as pending_students,
    (select count(*) from listener.pending_count) as pending_counts
"""


@pytest.fixture
async def lms(connection: Connection, daemon: Connection) -> Connection:
    """An LMS with a course and some students, in which everything is handled."""
    await connection.execute(UNHURRIED)
    await connection.execute("insert into courses (title, price) values ('first', 0)")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    for name in (ENROLL, COUNT, ENROLL):
        while await BuiltIn(name).each.react(daemon, 1000, SHOWN):
            pass
    return connection


@pytest.mark.parametrize("name", [ENROLL, COUNT])
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
async def test_both_ways_do_the_same(lms: Connection, daemon: Connection, work: str, name: str) -> None:
    await lms.execute(work)
    outcomes, states = [], []
    for consumer in (BuiltIn(name).together, BuiltIn(name).each):
        transaction = daemon.transaction()
        await transaction.start()
        batch = await consumer.react(daemon, 1000, SHOWN)
        result = {} if batch is None else {"changes": batch.changes, "notes_left": batch.notes_left, **batch.result}
        outcomes.append({key: value for key, value in result.items() if key in SAME})
        state = dict(await daemon.fetchrow(STATE, name) or {})
        state["checkpoints"] = state["checkpoints"][1:]  # the last one names the transactions of its moment
        states.append(state)
        await transaction.rollback()
    assert outcomes[0] == outcomes[1]
    assert states[0] == states[1]


@pytest.mark.parametrize("name", [ENROLL, COUNT])
async def test_nothing_to_do_writes_nothing(lms: Connection, daemon: Connection, name: str) -> None:
    before = await daemon.fetchrow(STATE, name)
    for consumer in (BuiltIn(name).together, BuiltIn(name).each):
        assert await consumer.react(daemon, 1000, SHOWN) is None
    assert await daemon.fetchrow(STATE, name) == before


async def leave_many(lms: Connection, daemon: Connection) -> None:
    await lms.execute("insert into profiles (role) select 'student' from generate_series(1, 65)")
    for status in ("cancelled", "active", "cancelled"):
        await lms.execute("update enrollments set status = $1", status)


async def leave_a_transaction_cut_in_two(lms: Connection, daemon: Connection) -> None:
    insert = "insert into profiles (role) values ('student'); update enrollments set status = 'cancelled'"
    await lms.execute(f"begin; {insert}; {insert.replace('cancelled', 'active')}; {insert}; commit")
    for name in (ENROLL, COUNT):
        batch = await BuiltIn(name).each.react(daemon, 1, SHOWN)
        assert batch is not None
        assert batch.notes_left


async def leave_a_course_that_somebody_holds(lms: Connection, daemon: Connection) -> None:
    await lms.execute("insert into profiles (role) values ('student'); update enrollments set status = 'cancelled'")
    await lms.execute("begin; select from courses for update")


@pytest.mark.parametrize("leave", [leave_many, leave_a_transaction_cut_in_two, leave_a_course_that_somebody_holds])
@pytest.mark.parametrize("name", [ENROLL, COUNT])
@pytest.mark.parametrize("size", [2, 1000])
async def test_whatever_is_out_of_the_ordinary_is_handled_all_the_same(
    lms: Connection,
    daemon: Connection,
    leave: Callable[[Connection, Connection], Awaitable[None]],
    name: str,
    size: int,
) -> None:
    await leave(lms, daemon)
    reaction = BuiltIn(name).together
    while await reaction.react(daemon, size, SHOWN):
        pass
    assert await daemon.fetchval("select count(*) from listener.unhandled($1)", name) == 0


async def test_what_somebody_holds_is_set_aside_both_ways(lms: Connection, daemon: Connection) -> None:
    await leave_a_course_that_somebody_holds(lms, daemon)
    batch = await BuiltIn(ENROLL).together.react(daemon, 1000, SHOWN)
    assert batch is not None
    assert (batch.result["enrolled"], batch.result["pending"]) == (0, 1)
    assert await daemon.fetchval("select reason from listener.pending_enrollment") == "course_locked"
    batch = await BuiltIn(COUNT).together.react(daemon, 1000, SHOWN)
    assert batch is not None
    assert (batch.result["moved"], batch.result["parked"]) == (0, 1)
    assert await daemon.fetchval("select delta from listener.pending_count") == -3


@pytest.mark.parametrize("name", [ENROLL, COUNT])
async def test_of_two_who_handle_the_same_notes_one_is_fenced(
    lms: Connection, daemon: Connection, database: Database, name: str
) -> None:
    await lms.execute("insert into profiles (role) values ('student')")
    other: Connection = await asyncpg.connect(database.url)
    await tune(other)
    transaction = daemon.transaction()
    await transaction.start()
    assert await BuiltIn(name).together.react(daemon, 1000, SHOWN) is not None
    fenced = []

    async def come_second() -> None:
        try:
            await BuiltIn(name).together.react(other, 1000, SHOWN)
        except Fenced:
            fenced.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(come_second)
        waiting = "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1"
        await eventually(lms, waiting, other.get_server_pid(), equals=True)
        await transaction.commit()
    assert fenced == [name]
    await other.close()
