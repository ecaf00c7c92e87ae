"""A daemon that leads, beside which an LMS is migrated."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.following import COURSE, QUICK, has_trusted
from tests.support.process import DaemonProcess


@pytest.fixture
async def school(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> tuple[DaemonProcess, object]:
    """A daemon that leads, and the key of the one course."""
    course = await connection.fetchval(COURSE)
    daemon = start_daemon(database, **QUICK).wait_ready("leading")
    await has_trusted(connection)
    return daemon, course
