"""Runs statements within time limits, and again where `listener install` replaced a function meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import asyncpg

from listener.database.driver_errors import was_replaced
from listener.database.rows import Executor
from listener.database.session import Connection

LIMIT = "select set_config('statement_timeout', $1, false)"

BATCH_SECONDS = 1.0
"""Longest time for a batch of several students: a migration that waits for the batch's locks waits no longer."""

SINGLE_SECONDS = 5.0
"""Longest time for the first attempt at students or courses each on its own: everybody else waits for it. A further
attempt may take longer, and is followed by a pause ten times as long."""

PATIENT_SHARE = 0.8
"""Of the time after which we give up a statement and the connection: the server ends the statement before."""

REPLACED_PAUSES = (0.0, 0.02, 0.1, 0.3, 0.5)
"""Seconds before each further attempt: sessions hear of a new function shortly after the commit."""

Answer = TypeVar("Answer")


async def retried_if_replaced(ask: Callable[[], Awaitable[Answer]], connection: "Connection | None" = None) -> Answer:
    """The result of `ask`, called again if a function in the statement was replaced meanwhile: the failed statement
    left nothing behind. Plans of `connection` are discarded, too: a statement that waited for a lock during parsing
    would keep the old function."""
    for pause in REPLACED_PAUSES:
        try:
            return await ask()
        except asyncpg.InternalServerError as error:
            if not was_replaced(error):
                raise
        await anyio.sleep(pause)
        if connection is not None:
            await connection.execute("discard plans")
    return await ask()


@dataclass(frozen=True)
class TimedExecutor:
    """Runs statements on a connection, each within a time limit; reports each that came back."""

    connection: Connection
    seconds: float
    progressed: Callable[[], None]

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises TimeoutError past the limit."""
        with anyio.fail_after(self.seconds):
            if self.connection.is_in_transaction():
                row = await self.connection.fetchrow(query, *args)
            else:
                row = await retried_if_replaced(lambda: self.connection.fetchrow(query, *args), self.connection)
        self.progressed()
        return row


class StatementLimit:
    """A session's time limit for statements: set only for a change, so mostly at no cost."""

    def __init__(self, connection: Connection, longest: float = 0) -> None:
        """`longest`: the limit of statements that are no batch's."""
        self._connection = connection
        self.seconds: float | None = None
        """The limit now; None if unknown."""
        self.longest = longest

    async def lift(self) -> None:
        await self.be(self.longest)

    async def be(self, seconds: float) -> None:
        """From now on the server ends a statement after `seconds`; after 0 never."""
        if seconds != self.seconds:
            self.seconds = None
            await self._connection.fetchrow(LIMIT, f"{seconds:g}s")
            self.seconds = seconds


@dataclass(frozen=True)
class LimitedExecutor(TimedExecutor):
    """Has the server end a statement that takes too long: the connection stays usable."""

    server_seconds: float
    limit: StatementLimit
    """Shared by all that set limits for the session."""

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises QueryCanceledError past the server's limit."""
        if self.limit.seconds != self.server_seconds:  # mostly equal: a needless scope of time has a cost
            with anyio.fail_after(self.seconds):
                await self.limit.be(self.server_seconds)
        return await super().fetchrow(query, *args)


@dataclass(frozen=True)
class Executors:
    """Ways to run statements on a connection, by the server's time limit."""

    patient: Executor
    """A single student may take long, at a further attempt."""
    single: Executor
    """SINGLE_SECONDS."""
    batches: Executor
    """BATCH_SECONDS."""
    installed: Executor
    """For installed reactions."""

    @classmethod
    def alike(cls, executor: Executor) -> "Executors":
        return cls(executor, executor, executor, executor)
