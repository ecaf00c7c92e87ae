"""Queries of every shape are followed, or refused with the true reason: whatever is written into the tables that they
read, everybody is where the query wants them. The audit has no part in it."""

import random

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.errors import ListenerError
from listener.schema import install
from tests.support.shapes import tables
from tests.support.shapes.queries import ACCEPTED, PLAN, REFUSED, WATCH

STEPS = 12
LONG_STEPS = 400

UNHANDLED = "select exists (select from listener.unhandled('enroll')) or exists (select from listener.blind_note)"
STANDING = "select profile_id, course_id from enrollments where status = 'active'"


def settings(query: str, name: str = "") -> dict[str, str]:
    watch = {"watch": WATCH[name]} if name in WATCH else {}
    plan = {"wanted_plan": PLAN[name]} if name in PLAN else {}
    return {**tables.SETTINGS, "wanted_query": query, **watch, **plan}


async def handle(connection: Connection) -> None:
    """As the daemon does."""
    while await connection.fetchval(UNHANDLED):
        await connection.fetchrow("select * from listener.make_good_students()")
        await connection.fetchrow("select * from listener.enroll(1000, true)")


async def wrong(connection: Connection, query: str) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Who is missing, and who is there and not wanted."""
    wanted = {(row[0], row[1]) for row in await connection.fetch(query)}
    there = {row[0] for row in await connection.fetch("select id from profiles")}
    wanted = {(profile, course) for profile, course in wanted if profile in there and course is not None}
    standing = {(row[0], row[1]) for row in await connection.fetch(STANDING)}
    return wanted - standing, standing - wanted


@pytest.mark.parametrize("name", ACCEPTED)
async def test_whatever_is_written_everybody_is_where_the_query_wants_them(
    empty_database: Connection, name: str, pytestconfig: pytest.Config
) -> None:
    query, app = ACCEPTED[name], empty_database
    seed = pytestconfig.getoption("--seed") or random.randrange(10**6)
    print(f"--seed {seed}")
    dice = tables.Dice(f"{seed}")
    await app.execute(tables.TABLES + tables.ROWS)
    mapping = await discover(app, settings(query, name))
    await app.execute(install.script(mapping))
    read = [each.table.name for each in mapping.watched]
    print({each.table.name: [str(route) for route in each.routes] for each in mapping.watched})
    done: list[str] = []
    steps = pytestconfig.getoption("--histories") or (LONG_STEPS if pytestconfig.getoption("--long") else STEPS)
    for _ in range(steps):
        statements = dice.transaction(read)
        async with app.transaction():
            for each in statements:
                await app.execute(each)
        done += [*statements, "commit"]
        if dice.chance(0.5):
            await handle(app)
            found = await wrong(app, query)
            assert found == (set(), set()), done[-12:]
            done.append("handled")


@pytest.mark.parametrize("name", REFUSED)
async def test_a_query_that_cannot_be_followed_is_refused_with_the_reason(
    empty_database: Connection, name: str
) -> None:
    query, words = REFUSED[name]
    await empty_database.execute(tables.TABLES)
    with pytest.raises(ListenerError) as caught:
        await discover(empty_database, settings(query))
    assert words in str(caught.value)
