"""One connection to the database: made, tuned, and closed without ever hanging."""

import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import anyio
import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener import sql
from listener.errors import CONNECTION_ERRORS, Unreachable

HOST_SECONDS = 5.0
"""Time to connect to one host: the next one is tried when that one is silent."""
CONNECT_SECONDS = 30.0
CLOSE_SECONDS = 5.0

# Short of the 30 s within which a vanished peer must be noticed: idle + interval * probes.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
USER_TIMEOUT_MILLISECONDS = 20_000

LIMIT = "select set_config('statement_timeout', $1, false)"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def connect(url: str | None, *, application_name: str, statement_cache_size: int = 0) -> Connection:
    """Open a connection to the writable one of the hosts. Raises any of CONNECTION_ERRORS.

    Without a cache no prepared statement is given a name, so that none is left behind in a pooler.
    """
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            connection: Connection = await asyncpg.connect(
                url,
                timeout=HOST_SECONDS,
                statement_cache_size=statement_cache_size,
                server_settings={"application_name": application_name},
                target_session_attrs=SessionAttribute.read_write,
            )
    except ValueError as error:
        if isinstance(error, CONNECTION_ERRORS):
            raise
        raise asyncpg.InterfaceError(f"the address cannot be used: {error}") from error  # PGPORT, or a host's name
    keep_alive(connection)
    return connection


async def tune(connection: Connection, *, durable: bool = False) -> None:
    """Set what the daemon's session needs: few rows by key, short waits for locks, a peer that is missed soon. If
    `durable`, nobody sees what it writes before that is on the disk."""
    await connection.execute(f"{few_rows('session', durable=durable)}\n{sql.read('session/daemon')}")


async def tune_transaction(connection: Connection, *, durable: bool = False) -> None:
    """Set the same for this transaction: few rows by key, short waits for locks."""
    await connection.execute(few_rows("local", durable=durable))


def few_rows(scope: Literal["session", "local"], *, durable: bool = False) -> str:
    """The settings for statements that touch few rows by key, for the session or for this transaction."""
    values = {"scope": scope, "synchronous_commit": "on" if durable else "off"}
    return sql.render(sql.read("session/few_rows"), values)


def keep_alive(connection: Connection) -> None:
    """Let the operating system notice a server that has vanished."""
    transport: Any = getattr(connection, "_transport", None)
    peer: socket.socket | None = transport.get_extra_info("socket") if transport is not None else None
    if peer is None or peer.family not in (socket.AF_INET, socket.AF_INET6):
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)


async def close(connection: Connection) -> None:
    """Close politely, or abruptly if the server does not answer; never raises, never takes longer than that."""
    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except CONNECTION_ERRORS:
            connection.terminate()
        else:
            return
    connection.terminate()


class TimedExecutor:
    """Runs statements on a connection, each within a time limit; says when one has come back."""

    def __init__(self, connection: Connection, seconds: float, progressed: Callable[[], None]) -> None:
        self._connection = connection
        self._seconds = seconds
        self._progressed = progressed

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises TimeoutError past the limit."""
        with anyio.fail_after(self._seconds):
            row = await self._connection.fetchrow(query, *args)
        self._progressed()
        return row


class LimitedExecutor(TimedExecutor):
    """Has the server end a statement that takes longer than that, after which the connection is as good as before."""

    def __init__(
        self, connection: Connection, seconds: float, progressed: Callable[[], None], server_seconds: float
    ) -> None:
        super().__init__(connection, seconds, progressed)
        self._server_seconds = server_seconds

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None. Raises QueryCanceledError past the server's limit."""
        await super().fetchrow(LIMIT, f"{self._server_seconds:g}s")
        try:
            return await super().fetchrow(query, *args)
        finally:
            if not self._connection.is_closed():
                await super().fetchrow(LIMIT, "0")


@asynccontextmanager
async def connected(url: str | None, *, application_name: str = "listener") -> AsyncIterator[Connection]:
    """A connection for one command. Raises Unreachable."""
    try:
        connection = await connect(url, application_name=application_name)
    except CONNECTION_ERRORS as error:
        raise Unreachable(address=address(url), reason=reason(error)) from error
    try:
        yield connection
    finally:
        await close(connection)


def address(url: str | None) -> str:
    """Where a URL points, without user and password (which may stand among its parameters too)."""
    if url is None:
        return "libpq's default address"
    location = url.partition("://")[2] or url
    return location.partition("?")[0].rpartition("@")[2]


def told_to_anybody(error: BaseException) -> str:
    """The same as `reason`, for whoever reaches the port: an error of a statement is only named, for its words may
    quote what stands in a row, or be those of a trigger of the LMS's. (FATAL is what only the server itself says.)"""
    if isinstance(error, asyncpg.PostgresError) and "FATAL" not in (error.severity_en, error.severity):
        return f"a statement failed ({type(error).__name__}); the log says how"
    return reason(error)


def reason(error: BaseException) -> str:
    """One line for an error that may have none."""
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()).splitlines()
    if isinstance(error, asyncpg.exceptions.TargetServerAttributeNotMatched):
        return "no host takes writes: it is a standby, or the database is set read-only"
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be looked up: {text[0]}"
    return text[0] if text else type(error).__name__
