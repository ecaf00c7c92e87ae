"""Sizes of batches: as much as the server does in a moment, and less after a batch that was cut off."""

import time

from listener.database.executors import BATCH_SECONDS

AIM_SECONDS = 0.25
"""Aim for a batch: its locks are held that long. Larger batches cost less for each change."""

AIM_WHILE_FRESH = 0.04
"""The same while somebody fresh comes, and so waits for the end of a crowd's batch."""

MOST_LOST = 2
"""A single change that so often got no answer may end each session: it is put off."""

SINGLES = 100
"""So many are then taken one by one, so that who ended the sessions is found."""

LEAST_WHILE_FRESH = 300
"""A batch is made no smaller for them: each has a cost of its own. A crowd's first batch is of that size, or twice the
last batch: what was quick in an earlier crowd, whom a rule did not want, says nothing of this one."""

FIRST_BATCH = 100
"""Changes in the first batch after a start, within LISTENER_BATCH_SIZE: the time for a change is not known yet."""

assert AIM_SECONDS < BATCH_SECONDS, "a batch as long as was aimed at would be cut off"


class BatchSize:
    """The size of a reaction's batches. The size outlives connections: a batch may have ended the connection."""

    def __init__(self, most: int, first: int = FIRST_BATCH) -> None:
        self.most = most
        self.size = min(first, most)
        self._cuts = 0
        self._lost = 0
        self._singles = 0
        self._tried_at = float("-inf")

    @property
    def was_cut(self) -> bool:
        """Whether the last batch got no answer."""
        return self._cuts > 0

    @property
    def gives_up(self) -> bool:
        """Whether a single change got no answer, again and again."""
        return self._lost >= MOST_LOST

    @property
    def seconds_since_tried(self) -> float:
        """Since the last attempt without an answer began: what has become due since then was not tried."""
        return time.monotonic() - self._tried_at

    @property
    def is_one_by_one(self) -> bool:
        """Whether one of those that are due may end each session."""
        return self._singles > 0

    def done(self, seconds: float, *, more: bool, hurried: bool = False, changes: int | None = None) -> None:
        """A batch of so many changes took `seconds`; `more` waits, and somebody fresh comes, if it is `hurried`."""
        self._cuts = self._lost = 0
        self._singles = max(0, self._singles - 1)
        if self._singles:
            return
        if more or seconds > AIM_SECONDS:
            seconds = max(seconds, 1e-6)
            size = self.size * min(2.0, max(0.5, AIM_SECONDS / seconds))
            if hurried:
                size = min(size, max(LEAST_WHILE_FRESH, self.size * AIM_WHILE_FRESH / seconds))
            self.size = max(1, min(self.most, int(size)))
        elif changes is not None:
            self.size = min(self.size, max(LEAST_WHILE_FRESH, 2 * changes))

    def distrust(self) -> None:
        """One of those that are due next ends each session."""
        self.size, self._singles = 1, SINGLES

    def cut(self, tried_at: float | None = None) -> None:
        """A batch, begun at `tried_at` (monotonic seconds), was ended too early: take half, and after further cuts in a
        row ever less."""
        self._tried_at = time.monotonic() if tried_at is None else tried_at
        self._cuts += 1
        self._lost += self.size == 1
        self.size = max(1, self.size >> self._cuts)


class BatchSizes:
    """The sizes for all reactions of a daemon."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._sizes: dict[tuple[str, str], BatchSize] = {}

    def of(self, name: str, text: str = "", *, first: int = FIRST_BATCH, most: int | None = None) -> BatchSize:
        """The size for a reaction; another `text` is another reaction."""
        return self._sizes.setdefault((name, text), BatchSize(self.most if most is None else most, first))

    def forget_all_but(self, kept: set[tuple[str, str]]) -> None:
        """Forget the sizes of installed reactions that are gone."""
        self._sizes = {key: size for key, size in self._sizes.items() if not key[1] or key in kept}
