"""What `listener status` shows, read from the database alone."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from listener import sql
from listener.connection import Connection
from listener.mapping import LEADER_LOCK, LOCK_CLASS

CONSUMERS = ["enroll", "count"]
BACKLOG_LIMIT = 1_000_000
UNHEALTHY_LAG_SECONDS = 10.0


@dataclass(frozen=True)
class Status:
    """One look at a database's daemons and feed."""

    leader_pid: int | None
    standbys: int
    backlog: int
    lag_seconds: float | None
    pending_students: int
    parked_counts: int
    students: int
    students_without_enrollment: int
    last_checkpoint_at: datetime | None

    @property
    def problem(self) -> str | None:
        """Why this is not healthy, or None if it is."""
        if self.leader_pid is None:
            return "no daemon leads: start one with `listener run`"
        if self.lag_seconds is not None and self.lag_seconds > UNHEALTHY_LAG_SECONDS:
            return f"the oldest change has waited for {self.lag_seconds:.0f} s"
        return None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"healthy": self.problem is None, "problem": self.problem}


async def look(connection: Connection) -> Status:
    """The status now."""
    row = await connection.fetchrow(sql.read("audit/status"), CONSUMERS, BACKLOG_LIMIT, LOCK_CLASS, LEADER_LOCK)
    assert row is not None
    return Status(**dict(row))
