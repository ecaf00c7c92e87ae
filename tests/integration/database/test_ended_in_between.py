"""The watchdog ends a connection at any moment, also between two messages of one statement."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from listener.database.connection import Connection, connect
from tests.conftest import Database


@pytest.mark.parametrize("cache", [0, 100])
@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: connection.fetchrow("select 1"),
        lambda connection: connection.fetchval("select $1::integer", 1),
    ],
    ids=["plain", "with an argument"],
)
async def test_a_connection_that_was_ended_after_a_statement_was_prepared_says_so(
    database: Database, ask: Callable[[Connection], Awaitable[object]], cache: int
) -> None:
    connection = await connect(database.url, application_name="test", statement_cache_size=cache)
    prepare = connection._get_statement  # type: ignore[attr-defined]

    async def prepare_and_end(*arguments: object, **named: object) -> object:
        statement = await prepare(*arguments, **named)
        connection.terminate()
        return statement

    connection._get_statement = prepare_and_end  # type: ignore[attr-defined]
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await ask(connection)
