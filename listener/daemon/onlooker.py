"""The list of problems as a daemon sees it that does not lead."""

import time

from listener.database.connection import Connection
from listener.feed.registry import consumers
from listener.instruments.instruments import Instruments
from listener.instruments.lookout import Lookout
from listener.instruments.sampler import Sampler
from listener.settings import Settings


class Onlooker:
    def __init__(self, connection: Connection, settings: Settings, instruments: Instruments, lookout: Lookout) -> None:
        self._connection = connection
        self._seconds = settings.sample_seconds
        self._log = instruments.log
        self._lookout = lookout
        self._looked_at = float("-inf")

    async def look(self) -> None:
        """Every LISTENER_SAMPLE_SECONDS. Raises the connection's errors."""
        now = time.monotonic()
        if now - self._looked_at < self._seconds:
            return
        self._looked_at = now
        names = await consumers(self._connection)
        found = await Sampler(self._connection, self._connection, names, self._log).take()
        if found is not None:
            self._lookout.stands_by(found)
