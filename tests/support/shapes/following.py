"""Following a query: what is set, what is handled, and who is not where it wants them."""

from listener.database.connection import Connection
from tests.support.shapes import tables
from tests.support.shapes.queries import PLAN, WATCH

UNHANDLED = "select exists (select from listener.unhandled('enroll')) or exists (select from listener.blind_note)"
STANDING = "select profile_id, course_id from enrollments where status = 'active'"

Pairs = set[tuple[int, int]]


def settings(query: str, name: str = "") -> dict[str, str]:
    """What `listener install` is told."""
    more = {"watch": WATCH.get(name), "wanted_plan": PLAN.get(name)}
    given = {setting: value for setting, value in more.items() if value is not None}
    return {**tables.SETTINGS, "wanted_query": query, **given}


async def handle(connection: Connection) -> None:
    """All that is noted, as the daemon does."""
    while await connection.fetchval(UNHANDLED):
        await connection.fetchrow("select * from listener.make_good_students()")
        await connection.fetchrow("select * from listener.enroll(1000, true)")


async def wrong(connection: Connection, query: str) -> tuple[Pairs, Pairs]:
    """Who is missing, and who is there and not wanted. (A profile that is not there is in no course.)"""
    async with connection.transaction(isolation="repeatable_read"):
        there = {row[0] for row in await connection.fetch("select id from profiles")}
        wanted = {(row[0], row[1]) for row in await connection.fetch(query) if row[0] in there and row[1] is not None}
        standing = {(row[0], row[1]) for row in await connection.fetch(STANDING)}
    return wanted - standing, standing - wanted
