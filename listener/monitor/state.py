"""What the daemon knows of itself at this moment: for the health endpoints and the status page."""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from listener.feed.pausing import Pause
from listener.monitor.activity import Activity
from listener.monitor.sample import Sample


class Role(StrEnum):
    """What this daemon is doing."""

    STARTING = "starting"
    DISCONNECTED = "disconnected"
    STANDING_BY = "standing_by"
    LEADING = "leading"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Courses:
    """What the last audit found of the courses, where a query says who should be where."""

    rows: tuple[dict[str, Any], ...]
    """`course_id`, and how many are `wanted`, `enrolled` and `waiting` there; those with most who wait come first."""
    count: int
    """How many courses there are in all."""
    at: float
    """Unix seconds."""


class State:
    """Written by the daemon's loop, read by everyone else. Times are monotonic seconds, but `since`."""

    def __init__(self, heartbeat_seconds: float) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self.problem: str | None = "not connected yet"
        self.progress_at = time.monotonic()
        self.heartbeat_at: float | None = None
        self.broken: str | None = None
        """What a migration took away that cannot be done without, and what to do about it."""
        self.paused: tuple[Pause, ...] = ()
        """Reactions that somebody told to wait, as far as this daemon knew when it last led."""
        self.installed = ""
        """Which reactions were installed, as far as this daemon has told; empty: none."""
        self.warning: str | None = None
        """What somebody should look at although this daemon is ready."""
        self.sample: Sample | None = None
        self.sample_at: float | None = None
        self.courses: Courses | None = None
        self.activity = Activity()
        self.since = time.time()
        """Unix seconds at which the role was taken."""
        self._role = Role.STARTING

    @property
    def role(self) -> Role:
        """What this daemon is doing."""
        return self._role

    @role.setter
    def role(self, role: Role) -> None:
        if role is not self._role:
            self._role = role
            self.since = time.time()

    def progressed(self) -> None:
        """The loop is alive."""
        self.progress_at = time.monotonic()

    def stalled_for(self) -> float:
        """Seconds since the loop last made progress."""
        return time.monotonic() - self.progress_at

    def sampled(self, sample: Sample) -> None:
        """Keep the figures last sampled from the database."""
        self.sample = sample
        self.sample_at = time.monotonic()

    def learned_paused(self, paused: tuple[Pause, ...]) -> None:
        """These reactions are paused now, and no others."""
        self.paused = paused

    def paused_now(self) -> list[str]:
        """Names of the reactions that are paused, if this daemon leads: another one would not know."""
        return [each.consumer for each in self.paused] if self.role is Role.LEADING else []

    def why_not_ready(self) -> str | None:
        """One line that says why this daemon is of no use now, or None if it is."""
        if self.role not in (Role.LEADING, Role.STANDING_BY):
            return self.problem or self.role.value
        if self.broken is not None:
            return f"mapping_broken: {self.broken}"
        age = None if self.heartbeat_at is None else time.monotonic() - self.heartbeat_at
        if age is None or age > 3 * self.heartbeat_seconds:
            return "the heartbeat is overdue: notifications may not arrive"
        return None
