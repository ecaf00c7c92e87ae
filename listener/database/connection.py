"""Makes, tunes and closes a connection, and never hangs."""

import json
import os
import socket
from contextlib import suppress
from typing import Any, Literal

import anyio
import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener import sql
from listener.database.addresses import Target, targets
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.database.limits import LIMITS, MEANING, local
from listener.database.rows import only_row
from listener.database.session import LOCAL_PATH, PATH, Session, decode_json, know_arrays, session_of, vanished
from listener.database.session import Connection as Connection
from listener.transport import for_the_driver, shared_context
from listener.url_parameters import connect_timeout, parameters

HOST_SECONDS = 5.0
"""Time to connect to a host; then the next is tried."""
CONNECT_SECONDS = 30.0
BEGIN_SECONDS = 10.0
"""Time for the first statement: a pooler without a free session lets the statement wait."""
CLOSE_SECONDS = 5.0

# Short of the 30 s within which a vanished peer must be noticed: idle + interval * probes.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
USER_TIMEOUT_MILLISECONDS = 20_000

TRY_THE_NEXT: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,
)
"""Errors after which another address may do."""

FIRST = sql.read("database/settings", "first")
"""The first statement sets the session's path and time limits, unless a pooler shares the session out."""


async def connect(url: str | None, *, application_name: str, statement_cache_size: int = 0) -> Connection:
    """Open a connection to the writable host. Raises any of CONNECTION_ERRORS. Without a cache, prepared statements
    have no names, so none is left behind in a pooler."""
    connection = await log_in(url, application_name=application_name, statement_cache_size=statement_cache_size)
    try:
        with anyio.fail_after(BEGIN_SECONDS):
            await _begin(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def log_in(url: str | None, *, application_name: str, statement_cache_size: int = 0) -> Connection:
    """The beginning of `connect`, before the first statement."""
    options = {
        "timeout": connect_timeout(url) or HOST_SECONDS,
        "statement_cache_size": statement_cache_size,
        "server_settings": {"application_name": application_name},
        "connection_class": Session,
        "target_session_attrs": SessionAttribute.read_write,
    }
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            connection = await _connect(for_the_driver(url), options)
    except (ValueError, OverflowError) as error:  # PGPORT, or a host's name; a port that is too high
        if isinstance(error, CONNECTION_ERRORS):
            raise
        raise asyncpg.InterfaceError(f"the address cannot be used: {str(error).rstrip('.')}") from error
    keep_alive(connection)
    return connection


async def _connect(url: str | None, options: dict[str, Any]) -> Connection:
    """Try each address. Raises the last error if none will do."""
    found = await targets(url)
    for target in found[:-1]:
        with suppress(*TRY_THE_NEXT):
            return await _connect_to(url, target, options)
    return await _connect_to(url, found[-1] if found else None, options)


async def _connect_to(url: str | None, target: Target | None, options: dict[str, Any]) -> Connection:
    arguments = {} if target is None else target.arguments()
    connection: Connection = await asyncpg.connect(url, **options, **arguments, **shared_context(url))
    return connection


async def _begin(connection: Connection) -> None:
    """Set path and time limits: of the session, or behind a pooler of each transaction."""
    session = session_of(connection)
    assert session is not None
    row = await only_row(connection, FIRST, connection.get_server_pid(), PATH, json.dumps(LIMITS | MEANING))
    session.own_path, is_ours = row[0], row[1] is not None
    session.backend_pid = connection.get_server_pid() if is_ours else None
    session.brings = "" if is_ours else f"{LOCAL_PATH} {local(connection.get_server_version().major)}"
    await decode_json(connection)
    know_arrays(connection)


async def tune(connection: Connection, *, durable: bool = False) -> None:
    """Settings of the daemon's session: plans for few rows by key, short waits for locks, a lost peer noticed soon. If
    `durable`, a write is seen only once on the disk."""
    further = (sql.read("database/settings", "daemon"), vanished("false"))
    await connection.execute("\n".join([few_rows("session", durable=durable), *further]))
    if (own := session_of(connection)) is not None:
        own.brings = ""  # a pooler keeps the session for us


async def tune_transaction(connection: Connection, *, durable: bool = False, seconds: float = 0) -> None:
    """The same for a transaction, in which the server ends each statement after `seconds`; after 0 never."""
    limit = f"set local statement_timeout = '{seconds:g}s'"
    await connection.execute(f"{few_rows('local', durable=durable)}\n{vanished('true')}\n{limit}")


def few_rows(scope: Literal["session", "local"], *, durable: bool = False) -> str:
    """Settings for statements that touch few rows by key."""
    values = {"scope": scope, "synchronous_commit": "on" if durable else "off"}
    return sql.render(sql.read("database/settings", "few_rows"), values)


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
    """Close politely, or abruptly if the server does not answer in time; never raises."""
    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except CONNECTION_ERRORS:
            connection.terminate()
        else:
            return
    connection.terminate()


def address(url: str | None) -> str:
    """Host, port and database of a URL, or of libpq's variables, without secrets (other parameters may hold some)."""
    if url is None:
        host, port, database = (os.environ.get(name, "") for name in ("PGHOST", "PGPORT", "PGDATABASE"))
        return _joined(host, port, f"/{database}" if database else "") or "libpq's default address"
    location = (url.partition("://")[2] or url).partition("?")[0].rpartition("@")[2]
    given = dict(parameters(url))
    if location[:1] not in ("", "/"):
        return location
    return _joined(given.get("host", ""), given.get("port", ""), location) or f"service {given.get('service')}"


def _joined(host: str, port: str, rest: str) -> str:
    return f"{host}:{port}{rest}" if port else f"{host}{rest}"
