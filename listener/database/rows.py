"""Statements that return a single row, on a connection or within a time limit."""

from typing import Protocol

import asyncpg


class Executor(Protocol):
    """A connection, maybe with a time limit around each statement."""

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row of the result, or None."""
        ...


async def only_row(executor: Executor, query: str, *args: object) -> asyncpg.Record:
    """The row of a statement that always returns a row."""
    row = await executor.fetchrow(query, *args)
    assert row is not None
    return row
