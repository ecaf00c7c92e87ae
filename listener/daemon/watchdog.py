"""Notices that an answer will never come, long before the statement's time limit.

A statement may be slow. But if the server is done with the statement, or cannot be reached, the connection is
half-open, and is given up. Only a second connection can tell.
"""

from typing import TYPE_CHECKING

import anyio

from listener.database.silence import is_at_work
from listener.errors import WrongSetting
from listener.instruments.state import State
from listener.settings import Settings

if TYPE_CHECKING:
    from listener.database.connection import Connection


class Watchdog:
    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._connection: Connection | None = None
        self._pid = 0
        self._bit = False

    def take_bite(self) -> bool:
        """Whether the last watched connection was given up. True once."""
        bit, self._bit = self._bit, False
        return bit

    def watch(self, connection: "Connection | None", pid: int = 0) -> None:
        """Watch a connection, whose backend is `pid`; None: watch none."""
        self._connection, self._pid = connection, pid
        if connection is not None:
            self._bit = False

    async def run(self) -> None:
        limit = self._settings.heartbeat_seconds + 1.0
        while True:
            await anyio.sleep(max(min(1.0, limit / 2), limit - self._state.stalled_for()))
            connection, progress_at = self._connection, self._state.progress_at
            if connection is None or self._state.stalled_for() <= limit:
                continue
            if await self._at_work():
                continue
            if self._connection is connection and self._state.progress_at == progress_at:
                self._bit = True
                connection.terminate()

    async def _at_work(self) -> bool:
        """True, too, while the URL's file is being exchanged: then the server cannot be asked."""
        try:
            url = self._settings.url()
        except WrongSetting:
            return True
        return await is_at_work(url, self._pid, self._settings.heartbeat_seconds) is not False
