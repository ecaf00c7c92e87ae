"""A small school that says in a way of its own who counts: understood, or asked about; and what the question names is
right."""

from dataclasses import dataclass, field

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import look
from listener.errors import ListenerError
from listener.schema import install
from tests.integration.discovery.test_random_schools import worked_off

COUNTS = "select active_enrollments from listener.course_live_count where id = 1"


@dataclass(frozen=True)
class Small:
    """Person 1 is a student, and lands in course 1 alone; person 2 is none, or has left. Then 1 leaves course 1."""

    schema: str
    people: str
    """Makes course 1, such as are no courses, and people."""
    leaves: str
    asked: tuple[str, ...] = ()
    """What must be asked about; nothing: it is understood."""
    settings: dict[str, str] = field(default_factory=dict)
    table: str = "enrollments (user_id, course_id)"


async def is_right(connection: Connection, school: Small) -> None:
    """Person 1 lands in course 1, and leaves it; where something must be asked about, it is."""
    await connection.execute(school.schema)
    if school.asked:
        with pytest.raises(ListenerError) as error:
            await look(connection)
        for each in school.asked:
            assert each in str(error.value)
    await install.install(connection, await install.plan(connection, school.settings))
    await connection.execute(school.people)
    await worked_off(connection)
    table, columns = school.table.split(" ", 1)
    landed = await connection.fetch(f"select {columns.strip('()')} from {table}")
    assert [tuple(each) for each in landed] == [(1, 1)]
    assert await connection.fetchval(COUNTS) == 1
    await connection.execute(school.leaves)
    await worked_off(connection)
    assert not await connection.fetchval(COUNTS)
