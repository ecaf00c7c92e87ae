"""The database's figures for metrics and the status page, sampled by the leader on its own timer, at a bounded cost."""

import json
from dataclasses import dataclass, field, replace

import anyio
import asyncpg

from listener import sql
from listener.connection import Connection, reason
from listener.feed.consumer import Executor
from listener.logs import Event, Logger

SAMPLE_SECONDS = 2.0
"""Longest time that a sample may keep the connection from reacting."""

COUNTED = 10_000
"""Rows that are counted; beyond it the backlog is estimated, and what is pending is "at least so many"."""

ENDED: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)
"""Not the sample failed, but the connection under it."""


@dataclass(frozen=True)
class Sample:
    """One look at the database. Times are Unix seconds, 0 for none; the server's clock, as in the feed."""

    sampled_at: float
    standbys: int
    backlog: int
    """Notes that wait for a consumer that is not paused."""
    paused_backlog: int
    """Notes that wait for one that is."""
    oldest_unhandled_at: float
    pending_students: dict[str, int]
    """By reason."""
    pending_counts: int
    next_student_in: float | None
    """Seconds until the next attempt to enroll a pending student is due."""
    next_count_in: float | None
    notify_queue_usage: float
    """From 0 to 1."""
    oldest_transaction_at: float
    by_consumer: dict[str, int] = field(default_factory=dict)
    """Notes that wait for each, paused or not."""

    @property
    def oldest_transaction_seconds(self) -> float:
        """How long the oldest transaction of somebody's has been open; 0 if there is none."""
        return max(0.0, self.sampled_at - self.oldest_transaction_at) if self.oldest_transaction_at else 0.0


async def look(executor: Executor, consumers: list[str]) -> tuple[Sample, str | None]:
    """A sample, and the number of the oldest transaction whose start may not be seen, or None."""
    row = await executor.fetchrow(sql.read("monitor/sample"), consumers, COUNTED)
    assert row is not None
    sample = Sample(
        sampled_at=row["sampled_at"],
        standbys=row["standbys"],
        backlog=row["backlog"] or 0,
        paused_backlog=row["paused_backlog"] or 0,
        oldest_unhandled_at=row["oldest_unhandled_at"] or 0.0,
        pending_students=json.loads(row["pending_students"]),
        pending_counts=row["pending_counts"],
        next_student_in=row["next_student_in"],
        next_count_in=row["next_count_in"],
        notify_queue_usage=row["notify_queue_usage"],
        oldest_transaction_at=row["oldest_transaction_at"] or 0.0,
        by_consumer=json.loads(row["by_consumer"]),
    )
    return sample, row["hidden_xid"]


class Sampler:
    """Samples for the leader; a sample that fails is told of once an outage."""

    def __init__(self, executor: Executor, connection: Connection, consumers: list[str], log: Logger) -> None:
        """`executor` runs its statements on `connection`."""
        self._executor = executor
        self._connection = connection
        self.consumers = consumers
        """Whose backlog is sampled."""
        self._log = log
        self._failing = False
        self._hidden_xid: str | None = None
        self._hidden_since = 0.0

    async def take(self) -> Sample | None:
        """A sample, or None if it failed. Raises what the connection raises when it is lost."""
        try:
            with anyio.fail_after(SAMPLE_SECONDS):
                sample, hidden_xid = await look(self._executor, self.consumers)
        except ENDED:
            raise
        except (asyncpg.PostgresError, TimeoutError) as error:
            if self._connection.is_in_transaction():
                raise
            if not self._failing:
                self._log.warning(Event.SAMPLE_FAILED, error=reason(error))
            self._failing = True
            return None
        if self._failing:
            self._log.info(Event.SAMPLE_RECOVERED)
        self._failing = False
        return self._with_hidden(sample, hidden_xid)

    def _with_hidden(self, sample: Sample, xid: str | None) -> Sample:
        """A transaction whose start may not be seen counts from when its number was first seen as the oldest."""
        if xid != self._hidden_xid:
            self._hidden_xid = xid
            self._hidden_since = sample.sampled_at
        if xid is None:
            return sample
        return replace(
            sample, oldest_transaction_at=min(sample.oldest_transaction_at or self._hidden_since, self._hidden_since)
        )
