"""Enrolling: enrolls students, and retries students who could not be enrolled."""

import time
from collections import defaultdict
from typing import Any

import asyncpg

from listener.database.driver_errors import CONNECTION_OVER
from listener.database.rows import only_row
from listener.feed.consumer import Batch
from listener.feed.registry import ENROLL
from listener.instruments import holders
from listener.instruments.log_report import TAKEN_BACK
from listener.reactions.batch_size import BatchSizes
from listener.reactions.reaction import CAREFUL_SECONDS, SHOWN, BuiltIn, Context, call, put_off

RETRY_STUDENTS = 200
"""Most pending students tried separately in a statement; if none is refused, a batch tries more together."""

RETRY_EACH, RETRY_TOGETHER = (call("retry_enroll", singly=singly) for singly in (True, False))
PUT_OFF = put_off("retry_enroll", waiting="pending_enrollment")

STALE_SECONDS = 5.0
"""Nobody is fresh who has waited for longer. Behind an outage the newest of the crowd go ahead, too, and the rest must
not follow: in small batches each costs more."""


def waited(result: dict[str, Any]) -> list[float]:
    """Seconds from each note to its enrollment."""
    return [result["settled_at"] - noted_at for noted_at in result["noted_at"]]


class Enrolling(BuiltIn):
    def __init__(self, sizes: BatchSizes) -> None:
        super().__init__(ENROLL, sizes.of(ENROLL))
        self.retried = sizes.of(f"{ENROLL} again", first=RETRY_STUDENTS, most=RETRY_STUDENTS)
        self._retried_together = sizes.of(f"{ENROLL} again, together")
        self._singly_until = float("-inf")
        self.waited = 0.0
        """Seconds from the first note of the last batch to the reaction."""
        self._courses_changed = False
        self._none_refused = False
        """Whether all pending students of the last attempt could be enrolled."""

    def take_courses_changed(self) -> bool:
        """Whether a batch, since the last call, reported a change of courses, which may concern further students."""
        changed, self._courses_changed = self._courses_changed, False
        return changed

    def handled(self, result: dict[str, Any], context: Context) -> None:
        context.instruments.state.refusals.refused(result["pending_students"] or [])
        _report(result, context)
        if result["pending"]:
            self.retry.not_later_than(time.monotonic() + 1.0)
        self.waited = max(result["waited"], 0.0)
        for kind in result["kinds"]:
            context.instruments.metrics.changes.labels(kind["source"], kind["operation"]).inc(kind["changes"])
        seconds = waited(result)
        context.instruments.metrics.reaction_seconds.observe_all(seconds)
        context.instruments.activity.signed_up(seconds)
        if result["courses_changed"]:
            self._courses_changed = True
        if result["courses_changed"] or result["woken"]:
            self.retry.not_later_than(time.monotonic())

    async def react(self, context: Context) -> Batch | None:
        batch = await super().react(context)
        if batch is not None and not batch.passed_over:
            await _name_holders(batch.result.get("pending_students"), context)
        return batch

    async def react_to_fresh(self, context: Context) -> Batch | None:
        batch = await super().react_to_fresh(context)
        if batch is not None:
            if max(waited(batch.result), default=0.0) > STALE_SECONDS:
                self.lane.leave_the_rest()
            await _name_holders(batch.result.get("pending_students"), context)
        return batch

    async def retry_set_aside(self, context: Context) -> bool:
        """Try the pending students again. True if any needs no further attempt."""
        started, size = time.monotonic(), self._retried_together
        limit = size.size
        row = await self._retry_together(context)
        if row is None:
            started, size = time.monotonic(), self.retried
            limit = size.size
            statement, *when = (PUT_OFF, size.seconds_since_tried) if size.gives_up else (RETRY_EACH,)
            row = await only_row(context.executors.patient, statement, limit, SHOWN, *when)
        more = row["tried"] == limit
        size.done(time.monotonic() - started, more=more)
        self._none_refused = row["tried"] > 0 and row["pending"] == 0
        self.retry.done(tried=row["tried"], settled=row["settled"], more=more, next_in=row["next_in"])
        await _name_holders(row["pending_students"], context)
        _report(dict(row), context)
        if row["suspended"] or row["removed"]:
            self.due = True
        if row["woken"]:  # a place in line became free
            self.retry.not_later_than(time.monotonic())
        return bool(row["settled"])

    async def _retry_together(self, context: Context) -> asyncpg.Record | None:
        """Try a batch of pending students at once; None if any is refused, or was the last time, or may end each
        session."""
        if not self._none_refused or self.retried.is_one_by_one or time.monotonic() < self._singly_until:
            return None
        try:
            return await context.executors.batches.fetchrow(RETRY_TOGETHER, self._retried_together.size, SHOWN)
        except CONNECTION_OVER:
            self.retried.distrust()
            raise
        except asyncpg.PostgresError as error:
            if isinstance(error, asyncpg.QueryCanceledError):
                self._retried_together.cut()
                self._singly_until = time.monotonic() + CAREFUL_SECONDS
            context.instruments.metrics.errors.labels("reaction").inc()
            return None


async def _name_holders(students: list[dict[str, Any]] | None, context: Context) -> None:
    """For students who wait for a course's row, name the session that holds the row."""
    locked = [each for each in students or [] if each["reason"] == "course_locked"]
    if not locked:
        return
    try:
        found = await holders.look(context.executors.patient, [each["profile_id"] for each in locked])
    except CONNECTION_OVER:
        raise
    except asyncpg.PostgresError:
        return
    by_course = {each.course_id: each for each in reversed(found)}
    for each in locked:
        holder = by_course.get(each["course_id"])
        if holder is not None:
            each |= {"error": str(holder), "pid": holder.pid, "role": holder.role, "query": holder.query}


def _report(result: dict[str, Any], context: Context) -> None:
    metrics, report = context.instruments.metrics, context.report
    shown = defaultdict(list)
    for each in result["examples"] or []:
        shown[each.pop("done")].append(each)
    metrics.enrollments_created.inc(result["enrolled"])
    report.enrolled(result["enrolled"], shown["enrolled"])
    returned = result["returned"] or 0  # null, if no profile was noted
    metrics.enrollments_returned.inc(returned)
    report.returned(returned, shown["returned"])
    if result["enrolled"] or returned:
        context.instruments.state.refusals.succeeded()
    for how in TAKEN_BACK:
        left = result[how] or 0
        metrics.enrollments_taken_back.labels(how).inc(left)
        report.left(how, left, shown[how])
    report.held(result["held"] or 0, shown["held"])
    if result["pending"]:
        report.pending(result["pending"], result["pending_students"])
