"""The last minutes, second by second, in memory: for the status page. Ids, never names."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

WINDOW_SECONDS = 300
LATEST = 12
TIMED = 500
"""How many of the latest waiting times are kept."""


class Ring:
    """A number for each of the last WINDOW_SECONDS seconds."""

    def __init__(self) -> None:
        self._counts = [0] * WINDOW_SECONDS
        self._newest = 0

    def add(self, second: int, count: int) -> None:
        """A second outside of the window is dropped."""
        self._advance(second)
        if self._newest - second < WINDOW_SECONDS:
            self._counts[second % WINDOW_SECONDS] += count

    def until(self, second: int) -> list[int]:
        """All counts, oldest first."""
        self._advance(second)
        first = self._newest + 1
        return [self._counts[each % WINDOW_SECONDS] for each in range(first, first + WINDOW_SECONDS)]

    def _advance(self, second: int) -> None:
        for each in range(max(self._newest + 1, second - WINDOW_SECONDS + 1), second + 1):
            self._counts[each % WINDOW_SECONDS] = 0
        self._newest = max(self._newest, second)


class Activity:
    """Sign-ups by the second of the note, enrollments by the second of the insert."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._signups = Ring()
        self._enrolled = Ring()
        self._latest: deque[dict[str, Any]] = deque(maxlen=LATEST)
        self._seconds: deque[float] = deque(maxlen=TIMED)

    def signed_up(self, ages: Iterable[float]) -> None:
        """`ages`: seconds since profiles were noted."""
        now = self._clock()
        waited = [max(age, 0.0) for age in ages]
        for second, count in Counter(int(now - age) for age in waited).items():
            self._signups.add(second, count)
        self._seconds.extend(waited)

    def enrolled(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """`count` students were enrolled just now; `enrollments` are examples."""
        now = self._clock()
        self._enrolled.add(int(now), count)
        self._latest.extendleft(
            {"profile_id": each["profile_id"], "course_id": each["course_id"], "at": now} for each in enrollments
        )

    def to_dict(self, *, keys: bool) -> dict[str, Any]:
        """For the page; `keys`: with ids of students and courses."""
        now = int(self._clock())
        seconds = sorted(self._seconds)
        return {
            "until": now,
            "signups": self._signups.until(now),
            "enrolled": self._enrolled.until(now),
            "typical_seconds": seconds[len(seconds) // 2] if seconds else None,
            "slowest_seconds": seconds[-1] if seconds else None,
            "timed": len(seconds),
            "latest": list(self._latest) if keys else None,
        }
