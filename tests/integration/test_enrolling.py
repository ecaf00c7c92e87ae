"""A profile that becomes a student lands in the default course."""

from collections.abc import Callable

import pytest

from listener.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess


@pytest.fixture
def daemon(database: Database, start_daemon: Callable[..., DaemonProcess]) -> DaemonProcess:
    return start_daemon(database).wait_ready("leading")


async def test_a_new_student_is_enrolled_in_the_cheapest_course(connection: Connection, daemon: DaemonProcess) -> None:
    course = await connection.fetchval("insert into courses (title, price) values ('a', 5), ('b', 1) returning id")
    cheapest = await connection.fetchval("select id from courses where title = 'b'")
    assert course != cheapest
    student = await connection.fetchval("insert into profiles (role) values ('student') returning id")
    await eventually(connection, "select course_id from enrollments where user_id = $1", student, equals=cheapest)
    await eventually(connection, "select enrollments from courses where id = $1", cheapest, equals=1)
