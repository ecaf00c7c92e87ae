"""For the tests of reactions: a session such as the daemon's."""

from collections.abc import AsyncIterator

import pytest_asyncio

from listener.database.connection import Connection, tune
from tests.conftest import Database
from tests.support.connecting import connect


@pytest_asyncio.fixture
async def daemon(database: Database) -> AsyncIterator[Connection]:
    """A session such as the daemon's."""
    connection: Connection = await connect(database.url)
    await tune(connection)
    yield connection
    await connection.close()
