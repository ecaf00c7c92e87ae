"""What was set aside: when it is tried again, and by which statement."""

import time

from listener import sql


class Retry:
    """When to try again what was set aside: at once while it goes well, ever more seldom while nothing does."""

    SHORTEST = 0.1
    LONGEST = 60.0

    def __init__(self) -> None:
        self._at = float("inf")
        self.pause = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next attempt; infinite if none is known of."""
        return max(0.0, self._at - now)

    def not_later_than(self, moment: float) -> None:
        """Something is due at `moment` (monotonic seconds)."""
        self._at = min(self._at, moment)

    def hurry(self) -> None:
        """Try at once, and as if nothing had gone wrong."""
        self.pause = 0.0
        self._at = float("-inf")

    def done(self, *, tried: int, settled: int, more: bool, next_in: float | None) -> None:
        """An attempt was made at `tried` of them, and `settled` so many. Are `more` due, and in how many seconds is
        the next one?"""
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


def statement(name: str, pending: str, key: str, outcome: str = "") -> str:
    """The retry in `sql/reactions/NAME.sql`, of what the table `pending` sets aside by `key`."""
    not_tried = sql.render(sql.read("reactions/not_tried"), {"pending": pending, "key": key})
    return sql.render(sql.read(f"reactions/{name}"), {"not_tried": not_tried, "outcome": outcome})
