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

    def handled(self, result: dict[str, Any], seconds: float) -> None:
        """Count and tell what a batch did, which took so many `seconds`."""
        self._tell(result)
        self.reaction.pause = pause_after(seconds)
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


def pause_after(seconds: float) -> float:
    """Seconds for which the counts are left alone, after a move that took so many."""
    return min(LONGEST_COUNT_PAUSE, max(COUNT_PAUSE, seconds * PAUSE_PER_WORK))
