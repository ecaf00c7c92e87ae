"""What must be true once everything has been handled."""

import anyio

from listener.database.connection import Connection
from tests.support.wanted.diary import Diary
from tests.support.wanted.tables import RULES, Keys
from tests.support.workload import UNSETTLED

WRONG_COUNTS_BESIDE = """
select courses.id, course_count.active_enrollments, count(enrollments.id)
from courses
left join listener.course_count on course_count.course_id = courses.id
left join enrollments on enrollments.course_id = courses.id and enrollments.status = 'active'
group by courses.id, course_count.active_enrollments
having coalesce(course_count.active_enrollments, 0) <> count(enrollments.id)
"""
WRONG_COUNTS = """
select courses.id, courses.enrollments, count(enrollments.id)
from courses
left join enrollments on enrollments.course_id = courses.id and enrollments.status = 'active'
group by courses.id
having courses.enrollments <> count(enrollments.id)
"""


async def settled(connection: Connection, seconds: float = 60.0) -> None:
    """Wait until nothing is on its way any more."""
    with anyio.move_on_after(seconds):
        while await connection.fetchval(UNSETTLED):  # noqa: ASYNC110 - the database tells nobody
            await anyio.sleep(0.05)
    left = await connection.fetchval(UNSETTLED)
    if left:
        rows = [
            tuple(row)
            for table in ("pending_count", "pending_enrollment", "blind_note", "change")
            for row in await connection.fetch(f"select * from listener.{table} limit 5")
        ]
        raise AssertionError(f"after {seconds:g} s there are {left}: {rows}")


async def problems(connection: Connection, rule: str, on_leave: str, keys: Keys) -> list[str]:
    """All that is not as it should be, in a school where everything has been handled. One snapshot: an audit may enroll
    again whom somebody has taken out by hand."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        wanted = {
            (row[0], row[1]) for row in await connection.fetch(RULES[rule]) if row[0] is not None and row[1] is not None
        }
        diary = Diary(on_leave).read(await connection.fetch("select * from diary order by number"))
        wrong_counts = WRONG_COUNTS if keys.counted else WRONG_COUNTS_BESIDE
        counts = [f"a count is wrong: {tuple(row)}" for row in await connection.fetch(wrong_counts)]
        rows = {row["id"]: row["status"] for row in await connection.fetch("select id, status from enrollments")}
        assert rows == {number: each.status for number, each in diary.enrollments.items()}
    return [*diary.compared_with(wanted), *counts]
