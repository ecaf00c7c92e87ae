"""An outage: how long it has lasted, how long to wait before the next attempt, and what to tell of it."""

import random
import time
from collections.abc import Callable

SHORTEST_SECONDS = 0.1
LONGEST_CHEAP_SECONDS = 4.0
"""While there is no server to talk to, or no schema that fits: what comes back should not have to wait for us."""

LONGEST_FAILING_SECONDS = 30.0
"""While there is one, and work on it fails: each attempt costs it lines in its log."""

STEADY_SECONDS = 5.0
"""A connection that was lost sooner was not the end of the trouble: the pauses go on growing."""


class Outage:
    """Attempts in a row that failed. Pauses double, up to a limit, and are never quite the same for two daemons."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._over_at: float | None = None
        self._failures = 0
        self.attempts = 0
        """Attempts of this outage so far."""

    @property
    def lasts(self) -> bool:
        """Whether nothing has worked since the last failure."""
        return self._since is not None

    def failed(self) -> bool:
        """An attempt failed, or a connection was lost. True if this is news: the first of its outage."""
        now = self._clock()
        if self._over_at is not None and now - self._over_at > max(STEADY_SECONDS, self._longest_pause()):
            self._failures = 0
        self._over_at = None
        self._failures += 1
        self.attempts += 1
        if self._since is not None:
            return False
        self._since = now
        self.attempts = 1
        return True

    def over(self) -> dict[str, float] | None:
        """It works again: what to tell of the outage, or None if there was none."""
        if self._since is None:
            return None
        told = {"outage_seconds": round(self._clock() - self._since, 3), "attempts": self.attempts}
        self._since = None
        self._over_at = self._clock()
        return told

    def pause(self, *, costly: bool) -> float:
        """Seconds until the next attempt; `costly` says whether the last one cost a server lines in its log."""
        longest = LONGEST_FAILING_SECONDS if costly else LONGEST_CHEAP_SECONDS
        return min(longest, self._longest_pause()) * random.uniform(0.5, 1.0)  # noqa: S311

    def _longest_pause(self) -> float:
        return min(LONGEST_FAILING_SECONDS, SHORTEST_SECONDS * 2.0 ** min(max(self._failures - 1, 0), 16))
