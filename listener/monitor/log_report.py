"""Tells people what was done: a log line each while there are few, one summary a second when there are many."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from listener.logs import Event, Logger
from listener.monitor.activity import Activity

LINES_A_SECOND = 20
SHARED = {"reason", "error", "how"}
"""What a summary says besides the count: it is about nobody, and mostly the same for all."""

TAKEN_BACK = ("suspended", "removed")
"""What becomes of an enrollment that is wanted no more."""

WINDOW_SECONDS = 1.0


@dataclass
class Tally:
    """One kind of event: how many lines it had in this second, and what is still to be summed up."""

    single: Event
    summary: Event
    warn: bool = False
    lines: int = 0
    untold: int = 0
    example: dict[str, Any] = field(default_factory=dict)


class Report:
    """Log lines about students and courses, never more than a few a second; the status page is told, too."""

    def __init__(
        self, log: Logger, activity: Activity | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._activity = activity
        self._clock = clock
        self._window_ends = 0.0
        self._enrolled = Tally(Event.STUDENT_ENROLLED, Event.STUDENTS_ENROLLED)
        self._returned = Tally(Event.STUDENT_RETURNED, Event.STUDENTS_RETURNED)
        self._left = {how: Tally(Event.STUDENT_LEFT, Event.STUDENTS_LEFT) for how in TAKEN_BACK}
        self._moved = Tally(Event.COURSE_COUNT_MOVED, Event.COURSE_COUNTS_MOVED)
        self._pending = Tally(Event.STUDENT_PENDING, Event.STUDENTS_PENDING, warn=True)
        self._tallies = (self._enrolled, self._returned, *self._left.values(), self._moved, self._pending)

    def enrolled(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """`count` students were enrolled; `enrollments` may be only the first of theirs."""
        if self._activity is not None:
            self._activity.enrolled(count, enrollments)
        self._tell(self._enrolled, count, enrollments)

    def returned(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """`count` enrollments that had been taken back were made good again; `enrollments` may be only the first."""
        self._tell(self._returned, count, enrollments)

    def left(self, how: str, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """`count` enrollments were taken back, `how` is one of TAKEN_BACK; `enrollments` may be only the first."""
        self._tell(self._left[how], count, [each | {"how": how} for each in enrollments])

    def moved(self, count: int, moves: Sequence[dict[str, Any]]) -> None:
        """`count` course counts were moved."""
        self._tell(self._moved, count, moves)

    def pending(self, count: int, students: Sequence[dict[str, Any]]) -> None:
        """`count` students were set aside, or could not be enrolled once more."""
        self._tell(self._pending, count, students)

    def _tell(self, tally: Tally, count: int, details: Sequence[dict[str, Any]]) -> None:
        if count == 0:
            return
        self.flush()
        if tally.untold == 0 and count == len(details) and tally.lines + count <= LINES_A_SECOND:
            tally.lines += count
            for detail in details:
                (self._log.warning if tally.warn else self._log.info)(tally.single, **detail)
            return
        tally.untold += count
        tally.example = {key: value for key, value in details[0].items() if key in SHARED} if details else {}

    def wait(self) -> float:
        """Seconds until there is a summary to write; infinite if there is none."""
        untold = any(tally.untold for tally in self._tallies)
        return max(0.0, self._window_ends - self._clock()) if untold else float("inf")

    def flush(self, *, final: bool = False) -> None:
        """Write the summaries of a second that is over; `final` does not wait for its end."""
        now = self._clock()
        if now < self._window_ends and not final:
            return
        for tally in self._tallies:
            if tally.untold:
                (self._log.warning if tally.warn else self._log.info)(
                    tally.summary, count=tally.untold, **tally.example
                )
            tally.lines = tally.untold = 0
        self._window_ends = now + WINDOW_SECONDS
