"""Reports of the work done: a log line per event while events are few, a summary a second for many. Refused students
are summed up by the minute, because of repeated attempts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from listener.instruments.activity import Activity
from listener.instruments.titles import Titles
from listener.logs import Event, Logger

LINES_A_SECOND = 20
SHARED = {"reason", "error", "how", "pid", "role", "query"}
"""Fields of a summary beside the count: about no single student, and mostly the same for all."""

TAKEN_BACK = ("suspended", "removed")
"""Ways to take an enrollment back."""

WINDOW_SECONDS = 1.0
REFUSED_SECONDS = 60.0


@dataclass
class Tally:
    """A kind of event: lines in the current window, and the count for a summary."""

    single: Event
    summary: Event
    warn: bool = False
    seconds: float = WINDOW_SECONDS
    lines: int = 0
    untold: int = 0
    ends: float = 0.0
    example: dict[str, Any] = field(default_factory=dict)


class Report:
    """Log lines about students and courses, a few a second; the status page gets enrollments, too."""

    def __init__(
        self,
        log: Logger,
        activity: Activity | None = None,
        titles: Titles | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._activity = activity
        self._titles = titles or Titles()
        self._clock = clock
        self._enrolled = Tally(Event.STUDENT_ENROLLED, Event.STUDENTS_ENROLLED)
        self._returned = Tally(Event.STUDENT_RETURNED, Event.STUDENTS_RETURNED)
        self._left = {how: Tally(Event.STUDENT_LEFT, Event.STUDENTS_LEFT) for how in TAKEN_BACK}
        self._held = Tally(Event.ENROLLMENT_HELD, Event.ENROLLMENTS_HELD, warn=True)
        self._moved = Tally(Event.COURSE_COUNT_MOVED, Event.COURSE_COUNTS_MOVED)
        self._pending = Tally(Event.STUDENT_PENDING, Event.STUDENTS_PENDING, warn=True, seconds=REFUSED_SECONDS)
        kept = (self._held, self._pending)
        self._tallies = (self._enrolled, self._returned, *self._left.values(), self._moved, *kept)

    def enrolled(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """`enrollments` are all of `count`, or examples, as in the methods below."""
        if self._activity is not None:
            self._activity.enrolled(count, enrollments)
        self._tell(self._enrolled, count, enrollments)

    def returned(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """Enrollments that had been taken back were made good."""
        self._tell(self._returned, count, enrollments)

    def left(self, how: str, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """Enrollments were taken back; `how` is from TAKEN_BACK."""
        self._tell(self._left[how], count, [each | {"how": how} for each in enrollments])

    def held(self, count: int, enrollments: Sequence[dict[str, Any]]) -> None:
        """The brake holds enrollments that are not wanted any more."""
        self._tell(self._held, count, enrollments)

    def moved(self, count: int, moves: Sequence[dict[str, Any]]) -> None:
        self._tell(self._moved, count, moves)

    def pending(self, count: int, students: Sequence[dict[str, Any]]) -> None:
        """Students were set aside, or refused again; a repeated refusal is only summed up."""
        self._tell(self._pending, count, students, again=any(each.get("attempts", 1) > 1 for each in students))

    def _tell(self, tally: Tally, count: int, details: Sequence[dict[str, Any]], *, again: bool = False) -> None:
        if count == 0:
            return
        self.flush()
        if (
            not again
            and (tally.untold == 0 or tally.warn)
            and count == len(details)
            and tally.lines + count <= LINES_A_SECOND
        ):
            tally.lines += count
            for detail in details:
                told = self._titles.beside(detail)
                (self._log.warning if tally.warn else self._log.info)(tally.single, **told)
            return
        tally.untold += count
        tally.example = {key: value for key, value in details[0].items() if key in SHARED} if details else {}

    def wait(self) -> float:
        """Seconds until a summary is due; infinite if there is none."""
        ends = min((tally.ends for tally in self._tallies if tally.untold), default=float("inf"))
        return max(0.0, ends - self._clock())

    def flush(self, *, final: bool = False) -> None:
        """Write the summaries of windows that are over; `final` does not wait for their ends."""
        now = self._clock()
        for tally in self._tallies:
            if now < tally.ends and not final:
                continue
            if tally.untold:
                (self._log.warning if tally.warn else self._log.info)(
                    tally.summary, count=tally.untold, **tally.example
                )
            tally.lines = tally.untold = 0
            tally.ends = now + tally.seconds
