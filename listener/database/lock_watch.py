"""Ends a long read of ours as soon as another session waits for the read: a migration that alters a table waits for
every reader, and later sessions wait for the migration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import asyncpg

from listener import sql
from listener.database.connection import Connection, close, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.database.session import pid_of
from listener.errors import InTheWay, ListenerError

LOOK_SECONDS = 0.2
"""Pause between two looks, and so the longest wait because of us, apart from the time to cancel."""

CANCEL_SECONDS = 2.0
CONNECT_SECONDS = 2.0
"""Time left to connect after a stop: asyncpg complains on stderr about an attempt cancelled midway."""

FAILURES: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, ListenerError)


@asynccontextmanager
async def reading_whole_tables(
    connection: Connection,
    url: str | None,
    *,
    isolation: Literal["read_committed", "repeatable_read"] = "read_committed",
    readonly: bool = False,
    limits: str = "",
) -> AsyncIterator[None]:
    """A transaction that reads whole tables, and ends as soon as another session waits for a table, seen over a
    second connection to `url`. `limits`: further settings, in SQL. Raises InTheWay."""
    failure: Exception | None = None
    async with connection.transaction(isolation=isolation, readonly=readonly):
        # A look fails rather than see a part of a table.
        hides_nothing = "set local row_security = off;" if readonly else ""
        settings = (sql.read("database/settings", "whole_tables"), hides_nothing, limits)
        await connection.execute("\n".join(settings))
        watch = LockWatch(url, await pid_of(connection))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.run)
            try:
                yield
            except FAILURES as error:  # past the group, which would wrap the error
                failure = error
            finally:
                watch.stop()
        if failure is not None:
            if watch.gave_way and isinstance(failure, asyncpg.QueryCanceledError):
                raise InTheWay from failure
            raise failure


class LockWatch:
    def __init__(self, url: str | None, pid: int) -> None:
        """`pid` is the session's backend."""
        self._url = url
        self._pid = pid
        self._scope = anyio.CancelScope()
        self.gave_way = False
        """Whether a statement was cancelled for another session."""

    async def run(self) -> None:
        """Look again and again. If no connection can be made, the session reads on unwatched."""
        with self._scope:
            await anyio.sleep(LOOK_SECONDS)
            try:
                connection = None
                with anyio.move_on_after(CONNECT_SECONDS, shield=True):
                    connection = await connect(self._url, application_name="listener-lock-watch")
                if connection is None:
                    return
                try:
                    while True:
                        if await connection.fetchval(sql.read("database/in_the_way"), self._pid):
                            self.gave_way = True  # before the session can learn of the cancel
                            with anyio.move_on_after(CANCEL_SECONDS, shield=True):  # or a later statement is hit
                                await connection.fetchval("select pg_cancel_backend($1)", self._pid)
                        await anyio.sleep(LOOK_SECONDS)
                finally:
                    await close(connection)
            except CONNECTION_ERRORS:
                return

    def stop(self) -> None:
        self._scope.cancel()
