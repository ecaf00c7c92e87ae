"""A command's connection, which is given up if no answer will ever come.

A statement may take long. But a server, or a proxy, may take a connection and never answer, or have lost the answer on
the way: only a second connection can tell.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import asyncpg

from listener import sql
from listener.database.connection import Connection, address, close, connect, log_in
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.database.session import Session, looks_only, session_of
from listener.errors import Unanswered, Unreachable
from listener.reasons import reason

UP_SECONDS = 0.25
"""Pause between two attempts at a server that is not up yet."""

LOOK_SECONDS = 0.5
"""Pause between two looks at how long the statement in hand has taken."""

SILENT_SECONDS = 5.0
"""Seconds until a silent statement is asked about, and until the next question."""

ASK_SECONDS = 5.0
"""Longest time for the question."""

ON_ITS_WAY_SECONDS = 1.0
"""Time for an answer that was sent during the question."""


@asynccontextmanager
async def connected(url: str | None, *, only_looks: bool) -> AsyncIterator[Connection]:
    """A connection for a command. Raises Unreachable, Unanswered."""
    try:
        connection = await connect(url, application_name="listener-command")
    except CONNECTION_ERRORS as error:
        raise Unreachable(address=address(url), reason=reason(error)) from error
    silence = Silence(connection, url)
    failure: Exception | SystemExit | None = None
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(silence.watch)
            try:
                if only_looks:
                    await looks_only(connection)
                yield connection
            except (Exception, SystemExit) as error:  # noqa: BLE001 - past the group, which would wrap it
                failure = error
            finally:
                tasks.cancel_scope.cancel()
        if failure is not None:
            if silence.seconds is not None:
                raise Unanswered(seconds=silence.seconds) from failure
            raise failure
    finally:
        await close(connection)


async def until_up(url: str | None, seconds: float) -> None:
    """Wait no longer than that for a server that takes connections, and has this database."""
    with anyio.move_on_after(seconds):
        while True:
            try:
                connection = await log_in(url, application_name="listener-command")
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.InvalidCatalogNameError):
                await anyio.sleep(UP_SECONDS)
            except CONNECTION_ERRORS:
                return  # the command says why
            else:
                connection.terminate()
                return


class Silence:
    def __init__(self, connection: Connection, url: str | None) -> None:
        self._connection = connection
        self._url = url
        self.seconds: float | None = None
        """For how long no answer had come when the connection was given up; None if never given up."""

    async def watch(self) -> None:
        """Give the connection up once a statement is not answered, and will not be."""
        session = session_of(self._connection)
        assert session is not None
        ask_at = 0.0
        while True:
            await anyio.sleep(LOOK_SECONDS)
            since = session.asking_since
            if since is None or time.monotonic() < max(since + SILENT_SECONDS, ask_at):
                continue
            if time.monotonic() < since + session.longest and await self._may_answer(session):
                ask_at = time.monotonic() + SILENT_SECONDS
                continue
            await anyio.sleep(ON_ITS_WAY_SECONDS)
            if session.asking_since == since:
                self.seconds = time.monotonic() - since
                self._connection.terminate()
                return

    async def _may_answer(self, session: Session) -> bool:
        if session.backend_pid is None:  # a pooler that takes connections may yet answer
            return await takes_connections(self._url)
        return await is_at_work(self._url, session.backend_pid, ASK_SECONDS) is not False


async def is_at_work(url: str | None, pid: int, seconds: float) -> bool | None:
    """Whether the server works for session `pid`; None if a server answers, and does not tell."""
    try:
        with anyio.fail_after(seconds):
            probe = await connect(url, application_name="listener-watchdog")
            try:
                return bool(await probe.fetchval(sql.read("database/at_work"), pid))
            finally:
                probe.terminate()
    except asyncpg.PostgresConnectionError:  # which the driver raises, too
        return False
    except asyncpg.PostgresError:
        return None
    except CONNECTION_ERRORS:
        return False


async def takes_connections(url: str | None) -> bool:
    """Whether a server at the address lets us in, or says why not."""
    try:
        with anyio.fail_after(ASK_SECONDS):
            probe = await log_in(url, application_name="listener-watchdog")
            probe.terminate()
    except asyncpg.PostgresConnectionError:
        return False
    except asyncpg.PostgresError:
        return True
    except CONNECTION_ERRORS:
        return False
    return True
