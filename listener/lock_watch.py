"""Ends a long read of ours as soon as somebody has to wait for it: a migration that alters a table waits for every
reader, and whoever comes after the migration waits for the migration."""

import anyio

from listener import sql
from listener.connection import close, connect
from listener.errors import CONNECTION_ERRORS

LOOK_SECONDS = 0.2
"""Pause between two looks, and the longest that anybody waits because of us, but for the time to cancel."""


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
                        if await connection.fetchval(sql.read("audit/in_the_way"), self._pid):
                            self.gave_way = True  # before its session can learn of it
                            await connection.fetchval("select pg_cancel_backend($1)", self._pid)
                        await anyio.sleep(LOOK_SECONDS)
                finally:
                    await close(connection)
            except CONNECTION_ERRORS:
                return

    def stop(self) -> None:
        """Watch no more."""
        self._scope.cancel()
