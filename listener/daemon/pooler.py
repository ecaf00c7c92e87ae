"""The way to the server: direct, through a pooler that keeps sessions, or through a pooler that shares sessions.

A transaction pooler gives each transaction any free server connection: settings and LISTEN of one client reach another.
So the way is examined first, by statements that leave nothing behind.
"""

from contextlib import suppress
from enum import StrEnum

import anyio

from listener.database.connection import Connection, connect
from listener.database.driver_errors import CONNECTION_ERRORS

ROUNDS = 5
ANSWER_SECONDS = 3.0
AHEAD_SECONDS = 1.0
"""A connection that asked so long before is served before us, if both wait in the same line."""


class Path(StrEnum):
    DIRECT = "direct"
    SESSION_POOLER = "session_pooler"
    TRANSACTION_POOLER = "transaction_pooler"


async def examine(connection: Connection, url: str | None) -> tuple[Path, int]:
    """The way of `connection`, made with `url`, and the pid of the backend now. If in doubt, a transaction pooler:
    polling works behind any."""
    pid = await backend_pid(connection)
    if pid == connection.get_server_pid():
        return Path.DIRECT, pid
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            shared = await _is_shared(connection, pid, url)
    except TimeoutError:
        shared = not await _is_ours(connection, pid, url)
    except CONNECTION_ERRORS:
        shared = True
    return (Path.TRANSACTION_POOLER if shared else Path.SESSION_POOLER), pid


async def backend_pid(connection: Connection) -> int:
    async with connection.transaction():
        pid: int = await connection.fetchval("select pg_backend_pid()")
    return pid


async def _is_ours(connection: Connection, pid: int, url: str | None) -> bool:
    """Whether we are served at once while another connection, which asked before us, waits for a session: then our
    session is kept for us, and was the last free one."""
    waits = anyio.Event()
    served = False

    async def ask() -> None:
        nonlocal served
        waits.set()
        with suppress(*CONNECTION_ERRORS):
            other = await connect(url, application_name="listener-probe")
            other.terminate()
        served = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await waits.wait()
        await anyio.sleep(AHEAD_SECONDS)
        ours = False
        with anyio.move_on_after(AHEAD_SECONDS):
            ours = [await backend_pid(connection) for _ in range(ROUNDS)] == [pid] * ROUNDS
        ours = ours and not served
        tasks.cancel_scope.cancel()
    return ours


async def _is_shared(connection: Connection, pid: int, url: str | None) -> bool:
    """Whether another connection can get our backend, or we get another backend."""
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
