"""Behind a transaction pooler: no session, so no LISTEN, no lock that outlives a transaction, no settings that stay.

Every statement runs in a transaction of its own, which brings its settings along and holds the leader's lock while it
lasts. The feed is looked at on a timer. What is promised stays the same, by the checkpoint's key; changes wait longer.
"""

import time
from collections.abc import Callable
from typing import ClassVar

import anyio
import asyncpg

from listener.connection import Connection, tune_transaction
from listener.daemon.doorbell import Doorbell
from listener.errors import LedByAnother
from listener.locks import LEADER_LOCK, LOCK_CLASS

POLL_SECONDS = 0.25
LOCK_TRIES = 10
LOCK_PAUSE_SECONDS = 0.02
"""Another poller holds the lock for a few milliseconds; a daemon with a session of its own, for good."""

WAY_OUT = (
    "a transaction pooler is between this daemon and the server; for reactions within milliseconds connect in session "
    "mode (Supabase: port 5432 instead of 6543) or to the server itself"
)
"""What the log says of it."""


class PollingExecutor:
    """Runs each statement in a transaction of its own, under the leader's lock and within a time limit."""

    def __init__(
        self,
        connection: Connection,
        seconds: float,
        progressed: Callable[[], None],
        server_seconds: float | None = None,
        *,
        durable: bool = False,
    ) -> None:
        """`server_seconds` is when the server itself ends a statement; None: never. If `durable`, nobody sees what a
        statement writes before that is on the disk."""
        self._connection = connection
        self._seconds = seconds
        self._progressed = progressed
        self._server_seconds = server_seconds
        self._durable = durable

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises TimeoutError past the limit, LedByAnother if another daemon leads."""
        with anyio.fail_after(self._seconds):
            for _ in range(LOCK_TRIES):
                async with self._connection.transaction(isolation="read_committed"):
                    await tune_transaction(self._connection, durable=self._durable)
                    if self._server_seconds is not None:
                        await self._connection.execute(f"set local statement_timeout = '{self._server_seconds:g}s'")
                    if await self._connection.fetchval(
                        "select pg_try_advisory_xact_lock($1, $2)", LOCK_CLASS, LEADER_LOCK
                    ):
                        row = await self._connection.fetchrow(query, *args)
                        break
                await anyio.sleep(LOCK_PAUSE_SECONDS)
            else:
                raise LedByAnother
        self._progressed()
        return row


class Timer(Doorbell):
    """In the doorbell's place: it rings by itself every POLL_SECONDS."""

    hears: ClassVar[bool] = False

    def __init__(self, connection: Connection, executor: PollingExecutor) -> None:
        super().__init__(connection)
        self._executor = executor
        self.held = True

    async def listen(self) -> None:
        """Nothing would be heard."""

    async def release(self) -> None:
        """There is nothing to let go of."""

    async def wait(self, seconds: float) -> bool:
        """Wait for the next look, or for `seconds` if that is sooner; True: the feed may hold something."""
        await super().wait(min(seconds, POLL_SECONDS))
        return True

    async def heartbeat(self, limit: float, query: str = "select true") -> tuple[float, asyncpg.Record | None]:
        """The round trip of a statement. Raises TimeoutError after `limit` seconds."""
        started = time.perf_counter()
        with anyio.fail_after(limit):
            row = await self._executor.fetchrow(query)
        return time.perf_counter() - started, row
