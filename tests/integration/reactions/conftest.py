"""For the tests of reactions: a session such as the daemon's."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from listener.connection import Connection, tune
from tests.conftest import Database


@pytest_asyncio.fixture
async def daemon(database: Database) -> AsyncIterator[Connection]:
    """A session such as the daemon's."""
    connection: Connection = await asyncpg.connect(database.url)
    await tune(connection)
    yield connection
    await connection.close()
