"""The database's figures for metrics and the status page, sampled by the leader on its own timer, at a bounded cost."""

import json
from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.connection import Connection, reason
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


class Sampler:
    """Samples through the leader's connection; a sample that fails is told of once an outage."""

    def __init__(self, connection: Connection, consumers: list[str], log: Logger) -> None:
        self._connection = connection
        self._consumers = consumers
        self._log = log
        self._failing = False
        self._hidden_xid: str | None = None
        self._hidden_since = 0.0

    async def take(self) -> Sample | None:
        """A sample, or None if it failed. Raises what the connection raises when it is lost."""
        try:
            row = await self._connection.fetchrow(
                sql.read("daemon/sample"), self._consumers, COUNTED, timeout=SAMPLE_SECONDS
            )
        except ENDED:
            raise
        except (asyncpg.PostgresError, TimeoutError) as error:
            if not self._failing:
                self._log.warning(Event.SAMPLE_FAILED, error=reason(error))
            self._failing = True
            return None
        assert row is not None
        if self._failing:
            self._log.info(Event.SAMPLE_RECOVERED)
        self._failing = False
        return Sample(
            sampled_at=row["sampled_at"],
            standbys=row["standbys"],
            backlog=row["backlog"] or 0,
            oldest_unhandled_at=row["oldest_unhandled_at"] or 0.0,
            pending_students=json.loads(row["pending_students"]),
            pending_counts=row["pending_counts"],
            next_student_in=row["next_student_in"],
            next_count_in=row["next_count_in"],
            notify_queue_usage=row["notify_queue_usage"],
            oldest_transaction_at=self._oldest_transaction(row),
        )

    def _oldest_transaction(self, row: asyncpg.Record) -> float:
        """When it began. Of other roles' transactions one may see the number alone, not the time: those count from
        when this daemon first saw that number as the oldest."""
        if row["hidden_xid"] != self._hidden_xid:
            self._hidden_xid = row["hidden_xid"]
            self._hidden_since = row["sampled_at"]
        began = [row["oldest_transaction_at"], self._hidden_since if self._hidden_xid else None]
        return min((moment for moment in began if moment is not None), default=0.0)
