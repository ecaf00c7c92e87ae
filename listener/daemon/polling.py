"""Behind a transaction pooler: no session, so no LISTEN, no lock longer than a transaction, no lasting settings.

Every statement runs in a transaction of its own, which makes the settings and holds the leader's lock. The feed is read
on a timer. All promises hold, by the checkpoint's key; changes wait longer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import anyio
import asyncpg

from listener.daemon.doorbell import Doorbell
from listener.database.connection import Connection, tune_transaction
from listener.database.executors import retried_if_replaced
from listener.errors import LedByAnother

POLL_SECONDS = 0.25
LOCK_TRIES = 10
LOCK_PAUSE_SECONDS = 0.02
"""Another poller holds the lock for milliseconds; a daemon with a session, for good."""

WAY_OUT = (
    "a transaction pooler is between this daemon and the server; for reactions within milliseconds connect in session "
    "mode (Supabase: port 5432 instead of 6543) or to the server itself"
)


@dataclass(frozen=True)
class PollingExecutor:
    """Runs each statement in a separate transaction, under the leader's lock and within a time limit."""

    connection: Connection
    seconds: float
    progressed: Callable[[], None]
    server_seconds: float | None = None
    """The server ends a statement after so long; None: never."""
    durable: bool = False
    """Whether a write is seen only once on the disk."""

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises TimeoutError past the limit, LedByAnother if another daemon leads."""
        with anyio.fail_after(self.seconds):
            row = await retried_if_replaced(lambda: self._fetchrow(query, *args), self.connection)
        self.progressed()
        return row

    async def _fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        for _ in range(LOCK_TRIES):
            async with self.connection.transaction(isolation="read_committed"):
                await tune_transaction(self.connection, durable=self.durable, seconds=self.server_seconds or 0)
                if await self.connection.fetchval("select listener.lead(false)") is not None:
                    return await self.connection.fetchrow(query, *args)
            await anyio.sleep(LOCK_PAUSE_SECONDS)
        raise LedByAnother


class Timer(Doorbell):
    """Replaces the doorbell: rings by itself every POLL_SECONDS."""

    hears: ClassVar[bool] = False

    def __init__(self, connection: Connection, executor: PollingExecutor) -> None:
        super().__init__(connection)
        self._executor = executor
        self.held = True

    async def listen(self) -> None:
        """There is nothing to hear."""

    async def release(self) -> None:
        """There is nothing to release."""

    async def wait(self, seconds: float) -> bool:
        """Wait for the next look, or for `seconds` if that is sooner; always True."""
        await super().wait(min(seconds, POLL_SECONDS))
        return True

    async def queue_is(self, usage: float) -> None:
        """Writers never ring here."""

    async def look_for_strangers(self) -> bool:
        return False

    async def heartbeat(
        self, limit: float, query: str = "select true", *, arms: bool = False
    ) -> tuple[float, asyncpg.Record | None]:
        """The round trip of a statement. Raises TimeoutError after `limit` seconds."""
        del arms  # writers do not ring
        started = time.perf_counter()
        with anyio.fail_after(limit):
            row = await self._executor.fetchrow(query)
        return time.perf_counter() - started, row
