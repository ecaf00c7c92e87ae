"""A schema of few words, and what is said of it if it is not understood."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import look
from listener.errors import ListenerError

PEOPLE = "create table users (id integer primary key generated always as identity, role text default 'student');"
COURSES = "create table courses (id integer primary key generated always as identity, title text);"
ENROLLED = """create table enrollments (
    user_id integer not null references users, course_id integer not null references courses
);"""


async def told(connection: Connection, *statements: str, settings: dict[str, str] | None = None) -> str:
    """What is said of a schema that is not understood."""
    for statement in statements:
        await connection.execute(statement)
    with pytest.raises(ListenerError) as error:
        await look(connection, settings)
    said = str(error.value)
    assert "\n" not in said
    return said
