"""Reports sessions that hold our locks and are no daemons: once in the log, and in the state as long as the lock."""

import time
from collections.abc import Collection

from listener.feed.squatters import Squatter
from listener.instruments.instruments import Instruments
from listener.logs import Event

FORGET_SECONDS = 600.0
"""A squatter that was away for so long is logged again."""

MOST_REMEMBERED = 1000

MOST_TOLD = 5


class Squatting:
    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._seen: dict[tuple[str, int | None, str | None], float] = {}

    def saw(self, squatters: Collection[Squatter]) -> None:
        """`squatters` are all present squatters: log the new ones."""
        self._instruments.state.squatters = tuple(squatters)
        now = time.monotonic()
        self._seen = {each: at for each, at in self._seen.items() if now - at < FORGET_SECONDS}
        told = 0
        for each in squatters:
            key = (each.lock, each.pid, each.prepared)
            is_new = key not in self._seen
            if is_new and (told == MOST_TOLD or len(self._seen) >= MOST_REMEMBERED):
                continue
            self._seen[key] = now
            if is_new:
                told += 1
                self._instruments.log.warning(
                    Event.LOCK_SQUATTED,
                    lock=each.lock,
                    pid=each.pid,
                    prepared=each.prepared,
                    role=each.role,
                    application_name=each.application_name,
                    mend=each.mend,
                )
