"""Databases on which nothing is installed yet."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database


@pytest.fixture
async def plain_lms(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with the plain LMS schema."""
    connection: Connection = await asyncpg.connect(make_database(installed=False).url)
    yield connection
    connection.terminate()


@pytest.fixture
async def empty_database(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    """A connection to a database with nothing in it."""
    connection: Connection = await asyncpg.connect(make_database(empty=True).url)
    yield connection
    connection.terminate()
