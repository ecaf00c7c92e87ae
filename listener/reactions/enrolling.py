"""Enrolling: what came of a batch, and those who could not be enrolled yet."""

import json
import time
from collections import defaultdict
from typing import Any

import asyncpg

from listener import sql
from listener.feed.consumer import Executor
from listener.feed.registry import ENROLL
from listener.monitor.activity import Activity
from listener.monitor.log_report import TAKEN_BACK, Report
from listener.monitor.metrics import Metrics
from listener.reactions import retry
from listener.reactions.reaction import SHOWN, Reaction
from listener.reactions.refusals import ENDED
from listener.reactions.retry import Retry

WAKE = "select from listener.wake_waiting() as woken where woken > 0"
"""Somebody may have given up a place in line: has the next ones tried again, if there are seats."""

RETRY_STUDENTS = 200
"""Pending students that are tried each on its own in one statement; as many as a batch holds, if none is refused."""

RETRY_EACH, RETRY_TOGETHER = (
    retry.statement(
        "retry_enroll", "listener.pending_enrollment", "profile_id", outcome=sql.read(f"reactions/enroll_{manner}")
    )
    for manner in ("each", "together")
)


class Enrolling:
    """The reaction that enrolls students, and its retries."""

    def __init__(self, executor: Executor, metrics: Metrics, report: Report, activity: Activity) -> None:
        self._executor = executor
        self._metrics = metrics
        self._report = report
        self._activity = activity
        self.reaction = Reaction.load(ENROLL)
        self.retry = Retry()
        self.waited = 0.0
        """Seconds from the first note of the last batch to the reaction."""
        self.courses_changed = False
        """Whether a batch told of a change of courses, which may concern others than those it named."""
        self._none_refused = False
        """Whether all pending students that were last tried could be enrolled."""

    def handled(self, result: dict[str, Any]) -> None:
        """Count and tell what a batch did."""
        self._tell(result)
        if result["pending"]:
            self.retry.not_later_than(time.monotonic() + 1.0)
        self.waited = max(result["waited"], 0.0)
        for kind in json.loads(result["kinds"]):
            self._metrics.changes.labels(kind["source"], kind["operation"]).inc(kind["changes"])
        waited = ages_of_profiles(result["ages"], result["profiles"])
        self._metrics.reaction_seconds.observe_all(waited)
        self._activity.signed_up(waited)
        if result["courses_changed"]:
            self.courses_changed = True
        if result["courses_changed"] or result["woken"]:
            self.retry.not_later_than(time.monotonic())

    async def retry_pending(self) -> bool:
        """Try again to enroll those who were set aside. True if somebody needs no further attempt."""
        row, limit = await self._retry_together(), self.reaction.batch_size
        if row is None:
            row, limit = await self._executor.fetchrow(RETRY_EACH, RETRY_STUDENTS, SHOWN), RETRY_STUDENTS
        assert row is not None
        self._none_refused = row["tried"] > 0 and row["pending"] == 0
        self.retry.done(
            tried=row["tried"],
            settled=row["settled"],
            more=row["tried"] == limit,
            next_in=row["next_in"],
        )
        self._tell(dict(row))
        if row["suspended"] or row["removed"]:
            self.reaction.due = True
        if row["settled"] and await self._executor.fetchrow(WAKE):
            self.retry.not_later_than(time.monotonic())
        return bool(row["settled"])

    def _tell(self, result: dict[str, Any]) -> None:
        shown = defaultdict(list)
        for each in json.loads(result["examples"] or "[]"):
            shown[each.pop("done")].append(each)
        self._metrics.enrollments_created.inc(result["enrolled"])
        self._report.enrolled(result["enrolled"], shown["enrolled"])
        returned = result["returned"] or 0  # null, where nobody was noted
        self._metrics.enrollments_returned.inc(returned)
        self._report.returned(returned, shown["returned"])
        for how in TAKEN_BACK:
            left = result[how] or 0
            self._metrics.enrollments_taken_back.labels(how).inc(left)
            self._report.left(how, left, shown[how])
        if result["pending"]:
            self._report.pending(result["pending"], json.loads(result["pending_students"]))

    async def _retry_together(self) -> asyncpg.Record | None:
        """A batch of pending students at once, while none is refused; None if one was."""
        if not self._none_refused:
            return None
        try:
            return await self._executor.fetchrow(RETRY_TOGETHER, self.reaction.batch_size, SHOWN)
        except ENDED:
            raise
        except asyncpg.PostgresError:
            self._metrics.errors.labels("reaction").inc()
            return None


def ages_of_profiles(ages: list[float], profiles: list[int]) -> list[float]:
    """Seconds that each profile has waited; `ages` are of notes, which name so many `profiles` each."""
    if len(ages) == sum(profiles):
        return ages
    return [age for age, count in zip(ages, profiles, strict=True) for _ in range(count)]
