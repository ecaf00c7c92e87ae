"""Counting: what came of a batch, and the counts that could not be moved yet."""

import json
import time
from typing import Any

from listener.feed.consumer import Executor
from listener.feed.registry import COUNT
from listener.monitor.log_report import Report
from listener.monitor.metrics import Metrics
from listener.reactions import retry
from listener.reactions.reaction import SHOWN, Reaction
from listener.reactions.retry import Retry

COUNT_PAUSE = 0.05
"""Least seconds between two moves of the counts: each leaves a dead row version that the next must walk past."""

PAUSE_PER_WORK = 200
LONGEST_COUNT_PAUSE = 0.25
"""A sign-up waits while counts are moved, so that is to take a two-hundredth of the time: moves that take longer, as
over a slow network, come less often, down to four a second."""

PAUSE_PER_OPEN_SECOND = 0.1
LONGEST_PAUSE_WHILE_OPEN = 2.0
"""While a transaction of somebody's is open, no version of a course's row that a move has replaced can be removed, and
each enrollment's foreign key walks past all of them. So the longer it has been open, the less often counts are moved:
some 950 versions come of half an hour, where 20 moves a second would leave 36,000."""

CONCERNED = "change.course_id is not null"
"""What is true of a note that moves a count."""

RETRY_COURSES = 1000

RETRY_COUNTS = retry.statement("retry_count", "listener.pending_count", "course_id")


class Counting:
    """The reaction that moves the courses' counts, and its retries."""

    def __init__(self, executor: Executor, metrics: Metrics, report: Report) -> None:
        self._executor = executor
        self._metrics = metrics
        self._report = report
        self.reaction = Reaction.load(COUNT, pause=COUNT_PAUSE, concerned=CONCERNED)
        self.retry = Retry()
        self._open_since = float("inf")

    def transaction_is_open(self, seconds: float) -> None:
        """The oldest transaction of somebody's has been open for so long; 0 if there is none."""
        self._open_since = time.monotonic() - seconds if seconds else float("inf")

    def handled(self, result: dict[str, Any], seconds: float) -> None:
        """Count and tell what a batch did, which took so many `seconds`."""
        self._tell(result)
        self.reaction.pause = pause_after(seconds, max(0.0, time.monotonic() - self._open_since))
        if result["parked"]:
            self.retry.not_later_than(time.monotonic() + 0.1)

    async def retry_parked(self) -> bool:
        """Try again to move the counts that were set aside. True if one needs no further attempt."""
        row = await self._executor.fetchrow(RETRY_COUNTS, RETRY_COURSES, SHOWN)
        assert row is not None
        self.retry.done(
            tried=row["tried"],
            settled=row["tried"] - row["parked"],
            more=row["tried"] == RETRY_COURSES,
            next_in=row["next_in"],
        )
        self._tell(dict(row))
        return bool(row["tried"] > row["parked"])

    def _tell(self, result: dict[str, Any]) -> None:
        self._metrics.course_counts_moved.inc(result["moved"])
        if result["moved"]:
            self._report.moved(result["moved"], json.loads(result["moves"]))


def pause_after(seconds: float, open_seconds: float = 0.0) -> float:
    """Seconds for which the counts are left alone, after a move that took `seconds`, while a transaction has been open
    for `open_seconds`."""
    by_work = min(LONGEST_COUNT_PAUSE, seconds * PAUSE_PER_WORK)
    by_versions = min(LONGEST_PAUSE_WHILE_OPEN, open_seconds * PAUSE_PER_OPEN_SECOND)
    return max(COUNT_PAUSE, by_work, by_versions)
