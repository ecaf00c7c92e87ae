"""Ends a long read of ours as soon as somebody has to wait for it: a migration that alters a table waits for every
reader, and whoever comes after the migration waits for the migration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import asyncpg

from listener import sql
from listener.connection import Connection, close, connect
from listener.errors import CONNECTION_ERRORS, InTheWay, ListenerError

LOOK_SECONDS = 0.2
"""Pause between two looks, and the longest that anybody waits because of us, but for the time to cancel."""

CANCEL_SECONDS = 2.0

FAILURES: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, ListenerError)


@asynccontextmanager
async def reading_whole_tables(
    connection: Connection,
    url: str | None,
    *,
    isolation: Literal["read_committed", "repeatable_read"] = "read_committed",
    readonly: bool = False,
    by_query: bool = False,
    limits: str = "",
) -> AsyncIterator[None]:
    """A transaction that reads tables as a whole, and ends as soon as somebody waits for one of them: who looks reaches
    the server by `url`. `by_query`: by a query that somebody else wrote. `limits` are further settings of the
    transaction, in SQL. Raises InTheWay."""
    failure: Exception | None = None
    async with connection.transaction(isolation=isolation, readonly=readonly):
        settings = (sql.read("session/whole_tables"), sql.read("session/by_query") if by_query else "", limits)
        await connection.execute("\n".join(settings))
        watch = LockWatch(url, await connection.fetchval("select pg_backend_pid()"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.run)
            try:
                yield
            except FAILURES as error:  # past the group, which would wrap it
                failure = error
            finally:
                watch.stop()
        if failure is not None:
            if watch.gave_way and isinstance(failure, asyncpg.QueryCanceledError):
                raise InTheWay from failure
            raise failure


class LockWatch:
    """Watches over one session of ours while it reads tables as a whole."""

    def __init__(self, url: str | None, pid: int) -> None:
        """`pid` is the session's backend."""
        self._url = url
        self._pid = pid
        self._scope = anyio.CancelScope()
        self.gave_way = False
        """Whether a statement of the session was cancelled for somebody's sake."""

    async def run(self) -> None:
        """Look again and again until stopped. Without a connection to look with, the session reads on unwatched."""
        with self._scope:
            await anyio.sleep(LOOK_SECONDS)
            try:
                connection = await connect(self._url, application_name="listener-lock-watch")
                try:
                    while True:
                        if await connection.fetchval(sql.read("session/in_the_way"), self._pid):
                            self.gave_way = True  # before its session can learn of it
                            with anyio.move_on_after(CANCEL_SECONDS, shield=True):  # or it may hit a later statement
                                await connection.fetchval("select pg_cancel_backend($1)", self._pid)
                        await anyio.sleep(LOOK_SECONDS)
                finally:
                    await close(connection)
            except CONNECTION_ERRORS:
                return

    def stop(self) -> None:
        """Watch no more."""
        self._scope.cancel()
