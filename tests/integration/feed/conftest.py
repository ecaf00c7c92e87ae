"""The database of the feed's histories, and the connections that they share."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.feed_history import TABLE, Ground
from tests.support.postgres import Server


@pytest.fixture(scope="module")
def feed_database(servers: Callable[[int], Server], postgres_version: int) -> Iterator[Database]:
    """One database for all histories."""
    server = servers(postgres_version)
    database = Database(server, "feed_histories")
    server.psql("postgres", f"create database {database.name}")
    server.psql(database.name, lms.schema("integer"))
    server.psql(database.name, install_script(database.url))
    server.psql(database.name, TABLE)
    yield database
    server.psql("postgres", f"drop database {database.name} with (force)")


@pytest.fixture(scope="module")
def ground(feed_database: Database) -> Iterator[Ground]:
    """The connections, and the loop that they live in."""
    with asyncio.Runner() as runner:
        made = runner.run(Ground.connect(runner, feed_database))
        yield made
        runner.run(made.disconnect())
