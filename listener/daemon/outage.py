"""An outage: length, pauses between attempts, and report."""

import random
import time
from collections.abc import Callable

SHORTEST_SECONDS = 0.1
LONGEST_CHEAP_SECONDS = 4.0
"""Without a server, or without a schema that fits: a server that comes back should not wait for us."""

LONGEST_FAILING_SECONDS = 30.0
"""With a server on which work fails: each attempt costs lines in the server's log."""

STEADY_SECONDS = 5.0
"""After a connection that was lost sooner, the pauses go on growing."""


class Outage:
    """Failed attempts in a row. Pauses double, up to a limit, and differ between daemons."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._over_at: float | None = None
        self._had_worked = False
        """Whether something had worked before the last failure."""
        self._failures = 0
        self.attempts = 0

    @property
    def lasts(self) -> bool:
        """Whether nothing has worked since the last failure."""
        return self._since is not None

    def failed(self) -> bool:
        """An attempt failed, or a connection was lost. True for the first of an outage."""
        now = self._clock()
        if self._over_at is not None and now - self._over_at > max(STEADY_SECONDS, self._longest_pause()):
            self._failures = 0
        self._had_worked = self._over_at is not None
        self._over_at = None
        self._failures += 1
        self.attempts += 1
        if self._since is not None:
            return False
        self._since = now
        self.attempts = 1
        return True

    @property
    def seconds(self) -> float:
        """Seconds since the beginning; 0 without an outage."""
        return 0.0 if self._since is None else self._clock() - self._since

    def over(self) -> dict[str, float] | None:
        """The outage is over: its figures, or None if there was none."""
        if self._since is None:
            return None
        told = {"outage_seconds": round(self._clock() - self._since, 3), "attempts": self.attempts}
        self._since = None
        self._over_at = self._clock()
        return told

    def pause(self, *, costly: bool) -> float:
        """Seconds until the next attempt; `costly`: the last attempt cost a server lines in the log. A connection that
        had worked is soon made again, however long the outage before."""
        longest = LONGEST_FAILING_SECONDS if costly and not self._had_worked else LONGEST_CHEAP_SECONDS
        return min(longest, self._longest_pause()) * random.uniform(0.5, 1.0)  # noqa: S311

    def _longest_pause(self) -> float:
        return min(LONGEST_FAILING_SECONDS, SHORTEST_SECONDS * 2.0 ** min(max(self._failures - 1, 0), 16))
