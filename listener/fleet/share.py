"""Which schools a process gives back, so that each process of a fleet leads about as many.

Nothing is said between processes: a leader's sample counts the sessions that stand by, and to give a school back is to
let go of its lock, and to leave it alone until a standby has had the time to take it. Exactly once is the checkpoints'
affair, as ever.
"""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from listener.daemon.daemon import LEFT_ALONE_SECONDS
from listener.fleet.school import School
from listener.instruments.state import Role

TAKEN_SECONDS = 2 * LEFT_ALONE_SECONDS
"""After so long it is seen what came of it."""

REST_SECONDS = 60.0
LONGEST_REST_SECONDS = 3600.0
"""A school that was given back stays for a while where it is led then, and twice as long each time. So does each school
of this process, if nobody took one: who stands by there is frozen."""


@dataclass
class Rest:
    """A pause that doubles."""

    until: float = float("-inf")
    seconds: float = REST_SECONDS

    def begin(self, now: float) -> None:
        self.until = now + self.seconds
        self.seconds = min(LONGEST_REST_SECONDS, 2 * self.seconds)


class Share:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._forget()

    def _forget(self) -> None:
        self._given: dict[str, float] = {}
        """Schools that were given back, and nobody was seen to lead yet; and when."""
        self._rests: dict[str, Rest] = {}
        self._own = Rest()
        self._step = 1
        """So many are given back at a time: twice as many whenever the last ones were taken."""

    def to_give_back(self, schools: Collection[School]) -> list[School]:
        """Those that are given back now."""
        now = self._clock()
        self._learn(schools, now)
        led = [each for each in schools if each.state.role is Role.LEADING]
        shared = [each for each in led if _standbys(each)]
        if led and not shared:  # who comes after this is another, of whom nothing is known
            self._forget()
        if now < self._own.until or self._given:
            return []
        if not shared:
            return []
        served = sum(each.state.role is Role.STANDING_BY for each in schools) + len(led)
        too_many = len(led) - math.ceil(served / (1 + max(map(_standbys, shared))))
        found = [each for each in shared if now >= self._rests.get(each.name, Rest()).until]
        given = found[: max(0, min(too_many, self._step))]
        for each in given:
            self._given[each.name] = now
            self._rests.setdefault(each.name, Rest()).begin(now)
        return given

    def _learn(self, schools: Collection[School], now: float) -> None:
        """What came of the last ones."""
        roles = {each.name: each.state.role for each in schools}
        self._rests = {name: rest for name, rest in self._rests.items() if name in roles}
        over = [name for name, at in self._given.items() if now - at >= TAKEN_SECONDS]
        if any(roles.get(name) is Role.LEADING for name in over):
            self._own.begin(now)
            self._step = 1
        elif over:
            self._own = Rest()
            self._step *= 2
        for name in over:
            del self._given[name]


def _standbys(school: School) -> int:
    sample = school.state.sample
    return 0 if sample is None else sample.standbys
