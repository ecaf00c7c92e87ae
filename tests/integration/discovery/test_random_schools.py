"""Schools at random are understood, or asked about and understood then: everybody lands in the right course, and no
enrollment counts that has ended."""

from collections.abc import Callable
from random import Random

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import look
from listener.errors import ListenerError
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.random_schools import RandomSchool, random_school

PARTS, QUICK, LONG = 8, 8, 300
WAITS = """
select exists (select from listener.unhandled('enroll')) or exists (select from listener.unhandled('count'))
"""
PAIRS = "select user_id, course_id from enrollments"


async def worked_off(connection: Connection) -> None:
    """Do the daemon's work until nothing is left."""
    for _ in range(20):
        await connection.fetch("select * from listener.step()")
        if not await connection.fetchval(WAITS):
            return
    raise AssertionError("there is no end of it")


async def settings_of(connection: Connection, school: RandomSchool) -> dict[str, str]:
    """What the questions want, answered so that it plays no part."""
    try:
        await look(connection)
    except ListenerError as error:
        said = str(error)
        for each in school.questions:
            assert each in said, school.name
        assert school.questions, f"{school.name}: {said}"
        if school.settings:
            return school.settings
        condition = said.split('LISTENER_ACTIVE_PREDICATE="')[1].split('"')[0]
        return {"active_predicate": condition}
    assert not school.questions, school.name
    return {}


async def check(connection: Connection, seed: int) -> None:
    school = random_school(seed)
    for statement in school.schema:
        await connection.execute(statement)
    settings = await settings_of(connection, school)
    await install.install(connection, await install.plan(connection, settings))
    for statement in school.people:
        await connection.execute(statement)
    await worked_off(connection)
    landed = {tuple(row) for row in await connection.fetch(PAIRS)}
    assert landed == school.landed, f"{seed}: {school.name}"
    dropped = Random(seed).sample(sorted(landed), len(landed) // 3)
    for pair in dropped:
        await connection.execute(f"update enrollments set {school.drop} where (user_id, course_id) = ($1, $2)", *pair)
    await worked_off(connection)
    counts = await connection.fetch("select id, active_enrollments from listener.course_live_count")
    living = [course for person, course in landed if (person, course) not in dropped]
    for course, count in counts:
        assert count == living.count(course), f"{seed}: {school.name}"


@pytest.mark.parametrize("part", range(PARTS))
async def test_a_random_school_is_understood(
    part: int, make_database: Callable[..., Database], request: pytest.FixtureRequest
) -> None:
    many = LONG if request.config.getoption("--long") else QUICK
    for seed in range(part, many, PARTS):
        database = make_database(empty=True)
        connection = await connect(database.url)
        await check(connection, seed)
        await connection.close()
