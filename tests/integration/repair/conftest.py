"""A database with nothing in it, for schools of a test's own."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database


@pytest.fixture
def empty(make_database: Callable[..., Database]) -> Database:
    """A database with nothing in it."""
    return make_database(empty=True)


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    """A connection to `empty`."""
    connection: Connection = await asyncpg.connect(empty.url)
    yield connection
    connection.terminate()
