"""Short waits for locks, repeated: while we wait for a table, other sessions wait behind us."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from listener.database.connection import Connection
from listener.database.driver_errors import LOCKED
from listener.errors import Busy, InTheWay

Answer = TypeVar("Answer")

PASSING: tuple[type[Exception], ...] = (*LOCKED, InTheWay)
"""Errors after which work is repeated."""

LOCK_MILLISECONDS = 200
"""A wait for a table's lock: other sessions may wait behind us that long."""

BUSY_SECONDS = 60.0
"""Attempts go on for that long."""

LOOK_BUSY_SECONDS = 1.0
"""The same for a look that gets no lock: a person waits for the answer."""

UNTOLD_SECONDS = 1.0
"""A lock that is held for less is not reported: `listener install` and most migrations take less."""


class Trouble:
    """A failure that is repeated: reported once, and not at all for a short lock."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def is_news(self, error: Exception) -> bool:
        """True if the failure is to be reported."""
        now = time.monotonic()
        self._since = self._since or now
        if self._told or (isinstance(error, LOCKED) and now - self._since < UNTOLD_SECONDS):
            return False
        self._told = True
        return True

    def is_over(self) -> bool:
        """True if a failure was reported, so the end is to be reported."""
        told, self._told, self._since = self._told, False, None
        return told


async def set_lock_timeout(connection: Connection) -> None:
    await connection.execute(f"set lock_timeout = '{LOCK_MILLISECONDS}ms'")


async def patiently(work: Callable[[], Awaitable[Answer]], *, looks: bool = False) -> Answer:
    """Repeat `work` until all locks are had and no session waits. Raises Busy after BUSY_SECONDS; a look that gets no
    lock gives up earlier."""
    started = anyio.current_time()
    while True:
        try:
            return await work()
        except PASSING as error:
            longest = LOOK_BUSY_SECONDS if looks and isinstance(error, LOCKED) else BUSY_SECONDS
            if anyio.current_time() > started + longest:
                raise Busy from error
        await anyio.sleep(random.uniform(0.1, 0.5))  # noqa: S311
