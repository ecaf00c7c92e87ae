"""The next attempt at set-aside work."""

import time


class Retry:
    """At once while attempts succeed, less and less often while none does."""

    SHORTEST = 0.1
    LONGEST = 15.0

    def __init__(self) -> None:
        self._at = float("inf")
        self.pause = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next attempt; infinite if there is none."""
        return max(0.0, self._at - now)

    def not_later_than(self, moment: float) -> None:
        """An attempt is due at `moment` (monotonic seconds)."""
        self._at = min(self._at, moment)

    def hurry(self) -> None:
        """Try at once, as if nothing had failed."""
        self.pause = 0.0
        self._at = float("-inf")

    def done(self, *, tried: int, settled: int, more: bool, next_in: float | None) -> None:
        """An attempt `tried` so many, and `settled` some. `more` are due now, or the next in `next_in` seconds."""
        now = time.monotonic()
        if settled:
            self.pause = 0.0
        elif tried:
            self.pause = min(self.LONGEST, max(self.SHORTEST, self.pause * 2))
        else:
            self.pause = max(self.SHORTEST, self.pause)
        if more:
            self._at = now + self.pause
        else:
            self._at = float("inf") if next_in is None else now + max(self.pause, next_in)
