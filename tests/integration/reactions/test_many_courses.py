"""Where the counts of very many courses move at once, each costs what it costs among few. Counted, not timed."""

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.feed.registry import COUNT
from listener.reactions.counting import RETRY_COUNTS
from listener.reactions.reaction import SHOWN, BuiltIn
from tests.support.plans import Explaining, instrument

COURSES = 2_000
ENROLL = """
with teacher as (insert into profiles (role) values ('teacher') returning id)
insert into enrollments (user_id, course_id)
select teacher.id, course.id from teacher cross join (select id from courses order by id limit $1) as course
"""
COUNT_UPDATES = """
create table updates_of_courses (courses bigint);
create function tell_update() returns trigger language plpgsql as $$
begin
    insert into public.updates_of_courses select count(*) from changed;
    return null;
end $$;
create trigger tell_update after update on courses
referencing new table as changed for each statement execute function tell_update();
"""


@pytest.fixture
async def lms(connection: Connection, daemon: Connection) -> Connection:
    """An LMS with many courses, in which everything is counted."""
    await connection.execute(
        "insert into courses (title, price) select 'course', number from generate_series(1, $1::int) as number", COURSES
    )
    await connection.execute("vacuum analyze courses")
    await count(daemon)
    return connection


async def count(daemon: Connection) -> int:
    """Handle what there is to count; how many counts were moved."""
    moved = 0
    while batch := await BuiltIn(COUNT).together.react(daemon, 2 * COURSES, SHOWN):
        moved += batch.result["moved"]
    return moved


@pytest.mark.parametrize("courses", [1, 20, COURSES])
async def test_all_counts_of_a_batch_are_moved_by_one_update(lms: Connection, daemon: Connection, courses: int) -> None:
    await lms.execute(COUNT_UPDATES)
    await lms.execute(ENROLL, courses)
    assert await count(daemon) == courses
    assert [row["courses"] for row in await lms.fetch("select courses from updates_of_courses")] == [courses]
    assert await lms.fetchval("select count(*) from courses where enrollments = 1 and students = 1") == courses


async def test_a_course_that_is_refused_keeps_none_of_the_others_from_being_counted(
    lms: Connection, daemon: Connection
) -> None:
    """The batch is refused as a whole, and then each course is moved on its own. What a slow machine does not do within
    the half second of one statement is put off, and moves when it is due."""
    await lms.execute("alter table courses add constraint small check (price <> 7 or enrollments = 0)")
    await lms.execute(ENROLL, COURSES)
    with pytest.raises(asyncpg.CheckViolationError):
        await count(daemon)
    batch = await BuiltIn(COUNT).each.react(daemon, 2 * COURSES, SHOWN)
    assert batch is not None
    moved = batch.result["moved"]
    assert moved + batch.result["parked"] == COURSES
    while await lms.fetchval("select count(*) from listener.pending_count") > 1:
        await lms.execute("update listener.pending_count set next_attempt_at = now()")
        again = await daemon.fetchrow(RETRY_COUNTS, 200, SHOWN)
        assert again is not None
        moved += again["moved"]
    assert moved == COURSES - 1
    assert await lms.fetchval("select count(*) from courses where enrollments = 1") == COURSES - 1


async def cost(lms: Connection, session: Explaining, courses: int) -> tuple[float, float]:
    """(pages touched, rows looked at) for each of so many courses whose counts move in one batch."""
    daemon = session.connection
    await lms.execute(ENROLL, courses)
    await daemon.execute(f"prepare counting as {BuiltIn(COUNT).together._statement}")
    transaction = daemon.transaction()
    await transaction.start()
    explained = await session.run(f"execute counting({2 * COURSES}, {SHOWN})")
    await transaction.rollback()
    await daemon.execute("deallocate counting")
    assert max(node["Actual Rows"] for node in explained.nodes) == courses
    assert await count(daemon) == courses
    pages = explained.outer["Shared Hit Blocks"] + explained.outer["Shared Read Blocks"]
    return pages / courses, explained.visited / courses


async def test_a_course_among_many_takes_no_more_pages_and_rows_than_among_few(
    lms: Connection, daemon: Connection
) -> None:
    session = await Explaining.begin(daemon, await instrument(lms))
    await cost(lms, session, 100)
    few, many = await cost(lms, session, 100), await cost(lms, session, COURSES)
    assert many[0] <= 1.5 * few[0]
    assert many[1] <= 1.5 * few[1]
