"""Notices that the answer to a statement will never come, long before the statement's own time limit.

A statement may take its time. But if the server is done with it, or cannot be reached at all, waiting is in vain: the
connection is half-open, and is given up. Only a second connection can tell.
"""

import anyio
import asyncpg

from listener.connection import Connection, connect
from listener.errors import CONNECTION_ERRORS
from listener.monitor.state import State
from listener.settings import Settings

AT_WORK = "select state = 'active' from pg_catalog.pg_stat_activity where pid = $1"


class Watchdog:
    """Watches one connection at a time."""

    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._connection: Connection | None = None
        self._pid = 0
        self.bit = False
        """Whether the connection was given up."""

    def watch(self, connection: "Connection | None", pid: int = 0) -> None:
        """Watch this connection, whose backend is `pid`; None to watch none."""
        self._connection, self._pid = connection, pid
        if connection is not None:
            self.bit = False

    async def run(self) -> None:
        """Watch until cancelled."""
        limit = self._settings.heartbeat_seconds + 1.0
        while True:
            await anyio.sleep(min(1.0, limit / 2))
            connection, progress_at = self._connection, self._state.progress_at
            if connection is None or self._state.stalled_for() <= limit:
                continue
            if await self._at_work():
                continue
            if self._connection is connection and self._state.progress_at == progress_at:
                self.bit = True
                connection.terminate()

    async def _at_work(self) -> bool:
        """Whether the server is busy with our statement."""
        try:
            with anyio.fail_after(self._settings.heartbeat_seconds):
                probe = await connect(self._settings.url(), application_name="listener-watchdog")
                try:
                    return bool(await probe.fetchval(AT_WORK, self._pid))
                finally:
                    probe.terminate()
        except asyncpg.TooManyConnectionsError:
            return True
        except CONNECTION_ERRORS:
            return False
