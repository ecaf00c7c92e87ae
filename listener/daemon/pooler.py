"""What is between us and the server: nothing, a pooler that keeps sessions, or one that shares them out.

A transaction pooler gives each transaction whichever server connection is free: what one client sets or listens to,
another finds or misses. So this is found out first, by statements that leave nothing behind.
"""

from enum import StrEnum

import anyio

from listener.connection import Connection, connect
from listener.errors import CONNECTION_ERRORS

ROUNDS = 5
ANSWER_SECONDS = 3.0


class Path(StrEnum):
    """The way to the server."""

    DIRECT = "direct"
    SESSION_POOLER = "session_pooler"
    TRANSACTION_POOLER = "transaction_pooler"


async def examine(connection: Connection, url: str | None) -> tuple[Path, int]:
    """The way that `connection`, made with `url`, takes, and the pid of the backend that serves it now.

    Where it cannot be told, a transaction pooler is assumed: to poll is right behind any pooler.
    """
    pid = await backend_pid(connection)
    if pid == connection.get_server_pid():
        return Path.DIRECT, pid
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            shared = await _is_shared(connection, pid, url)
    except CONNECTION_ERRORS:
        shared = True
    return (Path.TRANSACTION_POOLER if shared else Path.SESSION_POOLER), pid


async def backend_pid(connection: Connection) -> int:
    """The pid of the backend that serves the connection, as the backend itself says."""
    async with connection.transaction():
        pid: int = await connection.fetchval("select pg_backend_pid()")
    return pid


async def _is_shared(connection: Connection, pid: int, url: str | None) -> bool:
    """Whether another connection can get hold of our backend, or we are given another one."""
    other = await connect(url, application_name="listener-probe")
    try:
        for _ in range(ROUNDS):
            async with other.transaction():
                if await other.fetchval("select pg_backend_pid()") == pid:
                    return True
                if await backend_pid(connection) != pid:
                    return True
        return False
    finally:
        other.terminate()
