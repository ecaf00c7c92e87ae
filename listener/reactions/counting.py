"""Counting: moves the courses' counts, and tries again the counts that could not be moved."""

import time
from typing import Any

from listener.database.rows import only_row
from listener.feed.consumer import Batch
from listener.feed.registry import COUNT
from listener.reactions.batch_size import BatchSizes
from listener.reactions.reaction import SHOWN, BuiltIn, Context, put_off

COUNT_PAUSE = 0.05
"""Least seconds between two moves of the counts: each leaves a dead row version, which slows the next move."""

PAUSE_PER_WORK = 200
LONGEST_COUNT_PAUSE = 0.25
"""Sign-ups wait while counts are moved, so moves take a two-hundredth of the time. Slow moves, as over a slow network,
come less often, down to four a second."""

PAUSE_PER_OPEN_SECOND = 0.1
LONGEST_PAUSE_WHILE_OPEN = 2.0
"""While another session's transaction is open, replaced versions of a course's row cannot be removed, and each
enrollment's foreign key walks past all of the versions. So the longer a transaction is open, the less often counts are
moved: half an hour leaves some 950 versions, where 20 moves a second would leave 36,000."""

PASSING = "select * from listener.pass_over_counting($1)"
"""Takes counting past up to $1 notes that move no count."""

RETRY_COURSES = 1000

RETRY_COUNTS = "select * from listener.retry_count($1, most_shown => $2)"
PUT_OFF = put_off("retry_count", waiting="pending_count", singly="")


class Counting(BuiltIn):
    def __init__(self, sizes: BatchSizes) -> None:
        super().__init__(COUNT, sizes.of(COUNT), pause=COUNT_PAUSE, passing=PASSING)
        self.retried = sizes.of(f"{COUNT} again", first=RETRY_COURSES, most=RETRY_COURSES)
        self._open_since = float("inf")

    def transaction_is_open(self, seconds: float) -> None:
        """The age of the oldest transaction of another session; 0 if there is none."""
        self._open_since = time.monotonic() - seconds if seconds else float("inf")

    def took(self, batch: Batch, seconds: float, *, hurried: bool = False) -> None:
        """As any, but the pause is longer after a long one."""
        super().took(batch, seconds, hurried=hurried)
        self.pause = pause_after(seconds, max(0.0, time.monotonic() - self._open_since))

    def handled(self, result: dict[str, Any], context: Context) -> None:
        _report(result, context)
        if result["parked"]:
            self.retry.not_later_than(time.monotonic() + 0.1)

    async def retry_set_aside(self, context: Context) -> bool:
        """Try again to move the counts that were set aside. True if any needs no further attempt."""
        limit, started = self.retried.size, time.monotonic()
        executor = context.executors.patient if limit == 1 else context.executors.batches
        if self.retried.gives_up:
            row = await only_row(executor, PUT_OFF, limit, SHOWN, self.retried.seconds_since_tried)
        else:
            row = await only_row(executor, RETRY_COUNTS, limit, SHOWN)
        more = row["tried"] == limit
        self.retried.done(time.monotonic() - started, more=more)
        self.retry.done(tried=row["tried"], settled=row["settled"], more=more, next_in=row["next_in"])
        _report(dict(row), context)
        return bool(row["settled"])


def _report(result: dict[str, Any], context: Context) -> None:
    context.instruments.metrics.course_counts_moved.inc(result["moved"])
    if result["moved"]:
        context.report.moved(result["moved"], result["moves"])


def pause_after(seconds: float, open_seconds: float = 0.0) -> float:
    """Seconds for which the counts are left alone: after a move that took `seconds`, while a transaction has been open
    for `open_seconds`."""
    by_work = min(LONGEST_COUNT_PAUSE, seconds * PAUSE_PER_WORK)
    by_versions = min(LONGEST_PAUSE_WHILE_OPEN, open_seconds * PAUSE_PER_OPEN_SECOND)
    return max(COUNT_PAUSE, by_work, by_versions)
