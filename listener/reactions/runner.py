"""What is done about changes: students are enrolled, counts are moved. Knows nothing of connections.

Each reaction is a consumer of the feed. Enrolling and counting have two statements: one that treats a batch as a
whole, and one that treats each student or course on its own, for when something in a batch is refused. A further
reaction has one; when it is refused, that reaction alone waits and tries again.
"""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from listener import sql
from listener.feed.consumer import Batch, Executor
from listener.feed.registry import COUNT, ENROLL, FURTHER
from listener.logs import Event, Logger
from listener.monitor.activity import Activity
from listener.monitor.log_report import Report
from listener.monitor.metrics import Metrics
from listener.reactions.reaction import FIRST_BATCH, SHOWN, Reaction
from listener.reactions.retry import Retry

CAREFUL_SECONDS = 30.0
"""How long each student is enrolled on its own after one was refused, so that the server's log is not filled too."""

SHORTEST_BLOCKED_SECONDS = 0.1
LONGEST_BLOCKED_SECONDS = 5.0

COUNT_PAUSE = 0.05
"""Least seconds between two moves of the counts: each leaves a dead row version that the next must walk past."""

RETRY_STUDENTS = 200
"""Pending students that are tried each on its own in one statement; as many as a batch holds, if none is refused."""

RETRY_COURSES = 1000


class Reactions:
    """All reactions of one leader, run when they are due."""

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        log: Logger,
        batch_size: int,
        activity: Activity | None = None,
        follow: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """`follow` is asked when names may have changed: True if they had, and a statement is worth another try."""
        self._follow = follow
        self._executor = executor
        self._metrics = metrics
        self._log = log
        self._batch_size = batch_size
        self._activity = activity or Activity()
        self.report = Report(log, self._activity)
        self._enroll = Reaction.load(ENROLL)
        self._count = Reaction.load(COUNT, pause=COUNT_PAUSE)
        self._reactions = (self._enroll, self._count, *map(Reaction.load_further, FURTHER))
        for reaction in self._reactions:
            reaction.batch_size = min(FIRST_BATCH, batch_size)
        self.waited = 0.0
        """Seconds from the first note of the last batch to the reaction."""
        self._retry_students = Retry()
        self._retry_counts = Retry()
        self._none_refused = False
        """Whether all pending students that were last tried could be enrolled."""

    @property
    def consumers(self) -> list[str]:
        """Names of the feed's consumers."""
        return [reaction.name for reaction in self._reactions]

    def news(self) -> None:
        """There may be something in the feed. Enrolling looks at once; if it finds anything, or cannot look, so do the
        others."""
        self._enroll.due = True
        if self._enroll.blocked_pause:
            self._others_due()

    def _others_due(self) -> None:
        for other in self._reactions[1:]:
            other.due = True

    def wait(self) -> float:
        """Seconds until something is due; infinite if nothing is."""
        now = time.monotonic()
        return min(
            *(reaction.wait(now) for reaction in self._reactions),
            self._retry_students.wait(now),
            self._retry_counts.wait(now),
            self.report.wait(),
        )

    async def run_due(self) -> bool:
        """Run what is due, once. True if a batch was handled. Raises Fenced, or what the connection raises."""
        handled = False
        for reaction in self._reactions:
            if reaction.wait(time.monotonic()) <= 0:
                handled = await self._run(reaction) or handled
        if self._retry_students.wait(time.monotonic()) <= 0:
            await self._attempt(self._retry_pending_students, self._retry_students)
        if self._retry_counts.wait(time.monotonic()) <= 0:
            await self._attempt(self._retry_parked_counts, self._retry_counts)
        self.report.flush()
        return handled

    def attempts_due(self, students_in: float | None, counts_in: float | None) -> None:
        """What a sample found: seconds until the next pending student, and the next parked count, is due."""
        now = time.monotonic()
        for retry, seconds in ((self._retry_students, students_in), (self._retry_counts, counts_in)):
            if seconds is not None:
                retry.not_later_than(now + max(seconds, retry.pause))

    async def _run(self, reaction: Reaction) -> bool:
        started = time.monotonic()
        reaction.last_at = started
        try:
            batch = await self._react(reaction)
        except ENDED:
            raise
        except asyncpg.PostgresError as error:
            self._blocked(reaction, error)
            return False
        if reaction.blocked_pause:
            reaction.blocked_pause = 0.0
            self._log.info(Event.REACTION_RECOVERED, consumer=reaction.name)
        if batch is None:
            reaction.due = False
            return False
        seconds = time.monotonic() - started
        reaction.due = batch.notes_left
        reaction.resize(batch, seconds, self._batch_size)
        self._measure(reaction, batch, seconds)
        if reaction is self._enroll:
            self._others_due()
            self._enrolled(batch.result)
            self.waited = max(batch.result["waited"], 0.0)
            for kind in json.loads(batch.result["kinds"]):
                self._metrics.changes.labels(kind["source"], kind["operation"]).inc(kind["changes"])
            waited = ages_of_profiles(batch.result["ages"], batch.result["profiles"])
            self._metrics.reaction_seconds.observe_all(waited)
            self._activity.signed_up(waited)
            if batch.result["courses_changed"]:
                self._retry_students.not_later_than(time.monotonic())
        elif reaction is self._count:
            self._moved(batch.result)
        return True

    def _blocked(self, reaction: Reaction, error: Exception) -> None:
        """Somebody holds a whole table, or the server is short of something: a reason to wait, not to reconnect."""
        self._metrics.errors.labels("reaction").inc()
        if not reaction.blocked_pause:
            self._log.warning(Event.REACTION_BLOCKED, consumer=reaction.name, error=str(error))
        reaction.blocked_pause = min(LONGEST_BLOCKED_SECONDS, max(SHORTEST_BLOCKED_SECONDS, reaction.blocked_pause * 2))
        if reaction is self._enroll:
            self._others_due()

    async def _react(self, reaction: Reaction) -> Batch | None:
        if time.monotonic() >= reaction.careful_until:
            try:
                return await reaction.together.react(self._executor, reaction.batch_size, *reaction.arguments)
            except ENDED:
                raise
            except asyncpg.PostgresError as error:
                if may_be_renamed(error) and self._follow is not None and await self._follow():
                    return await reaction.together.react(self._executor, reaction.batch_size, *reaction.arguments)
                self._metrics.errors.labels("reaction").inc()
                self._log.warning(Event.REACTION_FAILED, consumer=reaction.name, error=str(error))
                reaction.careful_until = time.monotonic() + CAREFUL_SECONDS
        return await reaction.each.react(self._executor, reaction.batch_size, *reaction.arguments)

    def _measure(self, reaction: Reaction, batch: Batch, seconds: float) -> None:
        self._metrics.batch_seconds.labels(reaction.name).observe(seconds)
        self._metrics.batch_changes.labels(reaction.name).observe(batch.changes)
        self._metrics.last_reaction.set_to_current_time()
        self._log.debug(
            Event.BATCH_APPLIED,
            consumer=reaction.name,
            changes=batch.changes,
            milliseconds=round(seconds * 1000, 1),
        )

    def _enrolled(self, result: dict[str, Any]) -> None:
        self._metrics.enrollments_created.inc(result["enrolled"])
        self.report.enrolled(result["enrolled"], result["enrolled_ids"], result["course_id"])
        if result["pending"]:
            self.report.pending(result["pending"], json.loads(result["pending_students"]))
            self._retry_students.not_later_than(time.monotonic() + 1.0)

    def _moved(self, result: dict[str, Any]) -> None:
        self._metrics.course_counts_moved.inc(result["moved"])
        if result["moved"]:
            self.report.moved(result["moved"], json.loads(result["moves"]))
        if result["parked"]:
            self._retry_counts.not_later_than(time.monotonic() + 0.1)

    async def _attempt(self, attempt: Callable[[], Awaitable[None]], retry: "Retry") -> None:
        try:
            await attempt()
        except ENDED:
            raise
        except asyncpg.PostgresError:
            self._metrics.errors.labels("reaction").inc()
            retry.done(tried=1, settled=0, more=True, next_in=None)

    async def _retry_pending_students(self) -> None:
        row, limit = await self._retry_together(), self._enroll.batch_size
        if row is None:
            row, limit = await self._executor.fetchrow(RETRY_EACH, RETRY_STUDENTS, SHOWN), RETRY_STUDENTS
        assert row is not None
        self._none_refused = row["tried"] > 0 and row["pending"] == 0
        if row["settled"]:
            self._count.due = True
        self._retry_students.done(
            tried=row["tried"],
            settled=row["settled"],
            more=row["tried"] == limit,
            next_in=row["next_in"],
        )
        self._metrics.enrollments_created.inc(row["enrolled"])
        self.report.enrolled(row["enrolled"], row["enrolled_ids"], row["course_id"])
        if row["pending"]:
            self.report.pending(row["pending"], json.loads(row["pending_students"]))

    async def _retry_together(self) -> asyncpg.Record | None:
        """A batch of pending students at once, while none is refused; None if one was."""
        if not self._none_refused:
            return None
        try:
            return await self._executor.fetchrow(RETRY_TOGETHER, self._enroll.batch_size, SHOWN)
        except ENDED:
            raise
        except asyncpg.PostgresError:
            self._metrics.errors.labels("reaction").inc()
            return None

    async def _retry_parked_counts(self) -> None:
        row = await self._executor.fetchrow(sql.read("reactions/retry_count"), RETRY_COURSES, SHOWN)
        assert row is not None
        self._retry_counts.done(
            tried=row["tried"],
            settled=row["tried"] - row["parked"],
            more=row["tried"] == RETRY_COURSES,
            next_in=row["next_in"],
        )
        self._metrics.course_counts_moved.inc(row["moved"])
        if row["moved"]:
            self.report.moved(row["moved"], json.loads(row["moves"]))


def may_be_renamed(error: asyncpg.PostgresError) -> bool:
    """Whether a statement may have failed because something of the LMS's has another name, type or owner now."""
    code = error.sqlstate or ""
    return code.startswith("42") or code in ("3F000", "22P02")


def ages_of_profiles(ages: list[float], profiles: list[int]) -> list[float]:
    """Seconds that each profile has waited; `ages` are of notes, which name so many `profiles` each."""
    if len(ages) == sum(profiles):
        return ages
    return [age for age, count in zip(ages, profiles, strict=True) for _ in range(count)]


RETRY_EACH, RETRY_TOGETHER = (
    sql.render(sql.read("reactions/retry_enroll"), {"outcome": sql.read(f"reactions/enroll_{manner}")})
    for manner in ("each", "together")
)

ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
)
"""What only another connection can mend. Anything else that the server answers may be the LMS's own trigger's doing,
with any code it likes."""
