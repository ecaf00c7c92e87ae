"""A connection that somebody else ended between two statements: what goes on with it fails by an error that all
know for the loss of a connection."""

from collections.abc import Awaitable, Callable

import pytest

from listener.database.connection import Connection, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.database.executors import TimedExecutor
from listener.database.session import looks_only
from tests.conftest import Database


async def begin(connection: Connection) -> None:
    async with connection.transaction():
        pass


async def run(connection: Connection) -> None:
    await TimedExecutor(connection, 5, lambda: None).fetchrow("select 1")


async def ask_for_the_pid(connection: Connection) -> None:
    connection.get_server_pid()


async def ask_for_its_settings(connection: Connection) -> None:
    connection.get_settings()


async def ask_whether_a_transaction_is_open(connection: Connection) -> None:
    connection.is_in_transaction()


async def fetch(connection: Connection) -> None:
    await connection.fetchval("select 1")


@pytest.mark.parametrize(
    "goes_on", [begin, run, ask_for_the_pid, ask_for_its_settings, ask_whether_a_transaction_is_open, fetch, looks_only]
)
async def test_what_goes_on_with_an_ended_connection_learns_that_it_is_lost(
    database: Database, goes_on: Callable[[Connection], Awaitable[None]]
) -> None:
    connection = await connect(database.url, application_name="listener-command")
    connection.terminate()
    with pytest.raises(CONNECTION_ERRORS):
        await goes_on(connection)
