"""Few notes are handled by a function whose plans are kept: it does what the statement does, or leaves it all to it."""

from typing import Any

import anyio
import asyncpg
import pytest

from listener.connection import Connection, tune
from listener.errors import Fenced
from listener.feed.consumer import FEW
from listener.feed.registry import COUNT, ENROLL
from listener.reactions.reaction import SHOWN, Reaction
from tests.conftest import Database
from tests.support.eventually import eventually

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

SAME = {"changes", "notes_left", "enrolled", "pending", "courses_changed", "profiles", "moved", "parked"}
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
    await connection.execute("insert into courses (title, price) values ('first', 0)")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 3)")
    for name in (ENROLL, COUNT, ENROLL):
        while await Reaction.load(name).each.react(daemon, 1000, SHOWN):
            pass
    return connection


async def few(daemon: Connection, name: str, most: int = FEW) -> dict[str, Any]:
    row = await daemon.fetchrow(f"select * from listener.{name}_few($1, $2)", most, SHOWN)
    assert row is not None
    return dict(row)


@pytest.mark.parametrize("name", [ENROLL, COUNT])
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
async def test_the_function_does_what_the_statement_does(
    lms: Connection, daemon: Connection, work: str, name: str
) -> None:
    await lms.execute(work)
    outcomes, states = [], []
    for use_function in (True, False):
        transaction = daemon.transaction()
        await transaction.start()
        if use_function:
            result = await few(daemon, name)
        else:
            batch = await Reaction.load(name).each.react(daemon, 1000, SHOWN)
            result = {} if batch is None else {"changes": batch.changes, "notes_left": batch.notes_left, **batch.result}
        outcomes.append({key: value for key, value in result.items() if key in SAME and result.get("changes")})
        state = dict(await daemon.fetchrow(STATE, name) or {})
        state["checkpoints"] = state["checkpoints"][1:]  # the last one names the transactions of its moment
        states.append(state)
        await transaction.rollback()
    assert outcomes[0] == outcomes[1]
    assert states[0] == states[1]


@pytest.mark.parametrize("name", [ENROLL, COUNT])
async def test_nothing_to_do_writes_nothing(lms: Connection, daemon: Connection, name: str) -> None:
    before = await daemon.fetchrow(STATE, name)
    assert (await few(daemon, name))["changes"] == 0
    assert await daemon.fetchrow(STATE, name) == before


async def leave_many(lms: Connection, daemon: Connection) -> None:
    await lms.execute(f"insert into profiles (role) select 'student' from generate_series(1, {FEW + 1})")
    for status in ("cancelled", "active", "cancelled"):
        await lms.execute("update enrollments set status = $1", status)


async def leave_a_transaction_cut_in_two(lms: Connection, daemon: Connection) -> None:
    insert = "insert into profiles (role) values ('student'); update enrollments set status = 'cancelled'"
    await lms.execute(f"begin; {insert}; {insert.replace('cancelled', 'active')}; {insert}; commit")
    for name in (ENROLL, COUNT):
        batch = await Reaction.load(name).each.react(daemon, 1, SHOWN)
        assert batch is not None
        assert batch.notes_left


async def leave_a_course_that_somebody_holds(lms: Connection, daemon: Connection) -> None:
    await lms.execute("insert into profiles (role) values ('student'); update enrollments set status = 'cancelled'")
    await lms.execute("begin; select from courses for update")


@pytest.mark.parametrize(
    ("leave", "name"),
    [
        (leave_many, ENROLL),
        (leave_many, COUNT),
        (leave_a_transaction_cut_in_two, ENROLL),
        (leave_a_transaction_cut_in_two, COUNT),
        (leave_a_course_that_somebody_holds, COUNT),
    ],
)
async def test_what_is_out_of_the_ordinary_is_left_to_the_statement(
    lms: Connection, daemon: Connection, leave: Any, name: str
) -> None:
    await leave(lms, daemon)
    before = await daemon.fetchrow(STATE, name)
    assert (await few(daemon, name, most=FEW if name == ENROLL else 2))["changes"] is None
    assert await daemon.fetchrow(STATE, name) == before
    reaction = Reaction.load(name).together
    while await reaction.react(daemon, 1000, SHOWN):
        pass
    assert await daemon.fetchval("select count(*) from listener.unhandled($1)", name) == 0


async def test_who_waits_for_a_course_that_somebody_holds_is_set_aside_by_the_function(
    lms: Connection, daemon: Connection
) -> None:
    await leave_a_course_that_somebody_holds(lms, daemon)
    result = await few(daemon, ENROLL)
    assert (result["enrolled"], result["pending"]) == (0, 1)
    assert await daemon.fetchval("select reason from listener.pending_enrollment") == "course_locked"


@pytest.mark.parametrize("name", [ENROLL, COUNT])
async def test_of_two_who_handle_the_same_notes_one_is_fenced(
    lms: Connection, daemon: Connection, database: Database, name: str
) -> None:
    await lms.execute("insert into profiles (role) values ('student')")
    other: Connection = await asyncpg.connect(database.url)
    await tune(other)
    transaction = daemon.transaction()
    await transaction.start()
    assert (await few(daemon, name))["changes"]
    fenced = []

    async def come_second() -> None:
        try:
            await Reaction.load(name).together.react(other, 1000, SHOWN)
        except Fenced:
            fenced.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(come_second)
        waiting = "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1"
        await eventually(lms, waiting, other.get_server_pid(), equals=True)
        await transaction.commit()
    assert fenced == [name]
    await other.close()
