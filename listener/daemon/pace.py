"""Decides how a leader waits for news: few changes ring the bell, for many the leader looks on a timer.

To ring, a writer needs a lock that all commits share. To look when there is nothing new costs the daemon alone. Only
arithmetic on times, in seconds.
"""

from collections import deque

CROWD_RINGS = 25
CROWD_SECONDS = 0.05
"""So many rings in so many seconds (500 a second) are a crowd: better to look."""

LINE_RINGS = 8
LONGEST_LINE = 2.0
"""Most writers in line at the bell. On a slow disk a line comes soon: each writer holds the lock until the commit is on
the disk. Little's law gives the longest possible line: rings a second, times the seconds from a note to the reaction.
(Or transactions just take long: only the server knows.)"""

ASK_AGAIN_SECONDS = 5.0
"""Pause after the server has said that there is no line."""

LOOK_SECONDS = 0.002
"""Shortest pause between two looks while there are changes."""

BUSY_WORK_SECONDS = 0.001
"""Most seconds of the server's work for a look at the shortest pause. If a look costs more, larger batches are better:
in a large batch a change costs half as much."""

PAUSE_PER_WORK = 6.0
"""Pause for each second of work on a busy server: looks take a seventh of the time, and batches grow."""

BUSY_LOOK_SECONDS = 0.15
"""Longest pause between two looks while there are changes. Pauses double up to this limit: a single large transaction
is no lasting load."""

STATEMENTS_PER_LOOK = 2
"""Statements of a look with changes: time on the network is no work of the server's."""

LINGER_SECONDS = 0.02
"""After so long without a change, take the bell again."""

LONGEST_LOOK_SECONDS = 0.05
"""Longest pause between two looks while a transaction in flight shares the bell."""


class Pace:
    def __init__(self, now: float) -> None:
        self._rings: deque[float] = deque(maxlen=CROWD_RINGS)
        self._changed_at = now
        self._waited = 0.0
        self._ask_again_at = now
        self.look_pause = LOOK_SECONDS

    def rang(self, now: float) -> bool:
        """A writer rang. True if rings crowd: better to look."""
        self._rings.append(now)
        crowded = len(self._rings) == CROWD_RINGS and now - self._rings[0] < CROWD_SECONDS
        if crowded:
            self._rings.clear()
        return crowded

    def suspects_line(self, now: float) -> bool:
        """Whether writers may stand in line to ring: then ask the server, and call `line_is`."""
        rings = len(self._rings)
        line = (rings - 1) * self._waited / max(now - self._rings[0], 0.001) if rings >= LINE_RINGS else 0.0
        return line > LONGEST_LINE and now >= self._ask_again_at

    def line_is(self, length: int, now: float) -> bool:
        """So many writers stand in line. True if looking is better."""
        if length < LONGEST_LINE:
            self._ask_again_at = now + ASK_AGAIN_SECONDS
            return False
        self._rings.clear()
        return True

    def changed(self, now: float, work: float = 0.0, waited: float = 0.0, round_trip: float = 0.0) -> None:
        """A look found changes: reacting took `work` seconds, a note had `waited`, and an empty statement takes a
        `round_trip`."""
        self._changed_at = now
        self._waited = waited
        work -= STATEMENTS_PER_LOOK * round_trip
        if work > BUSY_WORK_SECONDS:
            longest = min(BUSY_LOOK_SECONDS, 2 * max(LOOK_SECONDS, self.look_pause))
            self.look_pause = max(LOOK_SECONDS, min(work * PAUSE_PER_WORK, longest))
        else:
            self.look_pause = LOOK_SECONDS

    def is_quiet(self, now: float) -> bool:
        """Whether there was no change for long enough to take the bell."""
        return now - self._changed_at >= LINGER_SECONDS

    def bell_refused(self) -> None:
        """A writer in flight shares the bell: look less and less often."""
        self.look_pause = min(LONGEST_LOOK_SECONDS, self.look_pause * 1.5)
