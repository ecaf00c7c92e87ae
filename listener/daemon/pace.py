"""How a leader waits for news: it lets itself be rung while changes are few, and looks for itself while they are many.

A ring costs the writer a lock that all commits share, and saves the daemon from looking in vain; looking costs the
writers nothing. Pure arithmetic on times, in seconds.
"""

from collections import deque

CROWD_RINGS = 25
CROWD_SECONDS = 0.05
"""As many rings in as many seconds, and it is time to look instead: 500 a second."""

LINE_RINGS = 8
LONGEST_LINE = 2.0
"""More writers than that may stand in line at the bell: on a slow disk long before they are many, because each holds
the lock until its commit is on the disk. How many there can be is Little's law: rings a second, times the seconds from
a note to the reaction. (It may be that their transactions just take long: only the server knows.)"""

ASK_AGAIN_SECONDS = 5.0
"""Pause after the server has said that nobody stands in line."""

LOOK_SECONDS = 0.002
"""Shortest pause between two looks while there are changes."""

BUSY_WORK_SECONDS = 0.001
"""What a look may cost the server at the quickest pace. Where it costs more, the server is busy with us, and writers
get on better if we come less often and do more at once: a change costs half as much in a large batch as in a small
one."""

PAUSE_PER_WORK = 6.0
"""Pause for each second of work once the server is busy: looking takes a seventh of the time, and batches grow."""

BUSY_LOOK_SECONDS = 0.15
"""Longest pause between two looks while there are changes. The shorter ones are doubled until there: one large
transaction is no load that lasts."""

STATEMENTS_PER_LOOK = 2
"""Statements of a look that finds something. What they spend on the network is no work of the server's."""

LINGER_SECONDS = 0.02
"""So long without a change, and it is time to take the bell again."""

LONGEST_LOOK_SECONDS = 0.05
"""Pause between two looks while somebody's open transaction keeps the bell from us."""


class Pace:
    """The times of the last rings and changes."""

    def __init__(self, now: float) -> None:
        self._rings: deque[float] = deque(maxlen=CROWD_RINGS)
        self._changed_at = now
        self._waited = 0.0
        self._ask_again_at = now
        self.look_pause = LOOK_SECONDS

    def rang(self, now: float) -> bool:
        """Somebody rang. True if the rings crowd so much that it is better to look."""
        self._rings.append(now)
        crowded = len(self._rings) == CROWD_RINGS and now - self._rings[0] < CROWD_SECONDS
        if crowded:
            self._rings.clear()
        return crowded

    def suspects_line(self, now: float) -> bool:
        """Writers may stand in line to ring: ask the server, and tell `line_is` what it said."""
        rings = len(self._rings)
        line = (rings - 1) * self._waited / max(now - self._rings[0], 0.001) if rings >= LINE_RINGS else 0.0
        return line > LONGEST_LINE and now >= self._ask_again_at

    def line_is(self, length: int, now: float) -> bool:
        """So many writers stand in line. True if it is better to look."""
        if length < LONGEST_LINE:
            self._ask_again_at = now + ASK_AGAIN_SECONDS
            return False
        self._rings.clear()
        return True

    def changed(self, now: float, work: float = 0.0, waited: float = 0.0, round_trip: float = 0.0) -> None:
        """A look found something, reacting to it took `work` seconds, and a note had `waited` so long. A statement that
        does nothing takes a `round_trip`."""
        self._changed_at = now
        self._waited = waited
        work -= STATEMENTS_PER_LOOK * round_trip
        if work > BUSY_WORK_SECONDS:
            longest = min(BUSY_LOOK_SECONDS, 2 * max(LOOK_SECONDS, self.look_pause))
            self.look_pause = max(LOOK_SECONDS, min(work * PAUSE_PER_WORK, longest))
        else:
            self.look_pause = LOOK_SECONDS

    def is_quiet(self, now: float) -> bool:
        """Nothing was found for long enough to take the bell."""
        return now - self._changed_at >= LINGER_SECONDS

    def bell_refused(self) -> None:
        """The bell is shared by a writer in flight: look on, ever less often."""
        self.look_pause = min(LONGEST_LOOK_SECONDS, self.look_pause * 1.5)
