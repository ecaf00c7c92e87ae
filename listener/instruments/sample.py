"""The database's figures for metrics and the status page, sampled by the leader on a timer, at a bounded cost."""

from dataclasses import dataclass, field

import asyncpg

from listener import sql
from listener.feed.squatters import Squatter

COUNTED = 10_000
"""Most rows that are counted; figures beyond are estimates, or "at least"."""

SAMPLE = sql.read("instruments/sample")


@dataclass(frozen=True)
class Sample:
    """The database's figures at a moment. Times are Unix seconds by the server's clock, 0 for none."""

    sampled_at: float
    standbys: int
    backlog: int
    """Notes that wait for a consumer that is not paused."""
    paused_backlog: int
    """Notes that wait for a paused consumer."""
    oldest_unhandled_at: float
    pending_students: dict[str, int]
    """By reason."""
    pending_counts: int
    held: int
    """Enrollments that the brake holds."""
    next_student_in: float | None
    """Seconds until the next attempt for a pending student, or for a held enrollment."""
    next_count_in: float | None
    notify_queue_usage: float
    oldest_transaction_at: float
    squatters: tuple[Squatter, ...] = ()
    by_consumer: dict[str, int] = field(default_factory=dict)
    """Notes that wait for each consumer, paused or not."""

    @classmethod
    def from_row(cls, row: asyncpg.Record) -> "Sample":
        return cls(
            sampled_at=row["sampled_at"],
            standbys=row["standbys"],
            backlog=row["backlog"] or 0,
            paused_backlog=row["paused_backlog"] or 0,
            oldest_unhandled_at=row["oldest_unhandled_at"] or 0.0,
            pending_students=row["pending_students"],
            pending_counts=row["pending_counts"],
            held=row["held"],
            next_student_in=row["next_student_in"],
            next_count_in=row["next_count_in"],
            notify_queue_usage=row["notify_queue_usage"],
            oldest_transaction_at=row["oldest_transaction_at"] or 0.0,
            squatters=tuple(map(Squatter.from_row, row["squatters"])),
            by_consumer=row["by_consumer"],
        )

    @property
    def oldest_transaction_seconds(self) -> float:
        """Age of the oldest transaction of another session; 0 if there is none."""
        return self._age(self.oldest_transaction_at)

    @property
    def lag_seconds(self) -> float:
        """Age of the oldest unhandled note; 0 if there is none."""
        return self._age(self.oldest_unhandled_at)

    def _age(self, moment: float) -> float:
        return max(0.0, self.sampled_at - moment) if moment else 0.0
