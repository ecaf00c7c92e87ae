"""What the daemon knows of itself at this moment: for the health endpoints and the status page."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from listener.sample import Sample


class Role(StrEnum):
    """What this daemon is doing."""

    STARTING = "starting"
    DISCONNECTED = "disconnected"
    STANDING_BY = "standing_by"
    LEADING = "leading"
    STOPPING = "stopping"


@dataclass
class State:
    """Written by the daemon's loop, read by everyone else. Times are monotonic seconds."""

    heartbeat_seconds: float
    role: Role = Role.STARTING
    problem: str | None = "not connected yet"
    progress_at: float = field(default_factory=time.monotonic)
    heartbeat_at: float | None = None
    listening_to: str | None = None
    sample: Sample | None = None
    """The figures last sampled from the database, however long ago."""

    def progressed(self) -> None:
        """The loop is alive."""
        self.progress_at = time.monotonic()

    def stalled_for(self) -> float:
        """Seconds since the loop last made progress."""
        return time.monotonic() - self.progress_at

    def why_not_ready(self) -> str | None:
        """One line that says why this daemon is of no use now, or None if it is."""
        if self.role not in (Role.LEADING, Role.STANDING_BY):
            return self.problem or self.role.value
        age = None if self.heartbeat_at is None else time.monotonic() - self.heartbeat_at
        if age is None or age > 3 * self.heartbeat_seconds:
            return "the heartbeat is overdue: notifications may not arrive"
        return None
