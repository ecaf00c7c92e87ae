"""The daemon's own state: for the health endpoints and the status page."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from listener.feed.pausing import Pause
from listener.feed.squatters import Squatter
from listener.instruments.activity import Activity
from listener.instruments.problems import MAPPING, Problem, in_order
from listener.instruments.refusals import Refusals
from listener.instruments.sample import Sample
from listener.instruments.titles import Titles

KEPT_SECONDS = 300.0
"""Problems of the last look are shown for so long without a connection: most likely nothing has changed."""


class Role(StrEnum):
    STARTING = "starting"
    DISCONNECTED = "disconnected"
    STANDING_BY = "standing_by"
    LEADING = "leading"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Courses:
    """The last audit's figures for courses, under a rule by query."""

    rows: tuple[dict[str, Any], ...]
    """`course_id`, and the numbers `wanted`, `enrolled` and `waiting`; most waiting first."""
    count: int
    at: float


@dataclass
class Audit:
    """Results of the leader's audits."""

    errors: dict[str, str] = field(default_factory=dict)
    """The last error of each failed part of the audit, by the part's name."""
    expected_by: float = float("inf")
    """Monotonic seconds at which an audit should have ended."""

    found: dict[str, Problem] = field(default_factory=dict)
    """What the last audit found, by code."""

    def found_now(self, code: str, affected: int, examples: Iterable[str] = ()) -> None:
        """Of what was found before only the beginning is kept, by the lookout."""
        self.found.pop(code, None)
        if affected:
            self.found[code] = Problem(code, affected=affected, examples=tuple(examples))

    def problems(self) -> list[Problem]:
        found = [*self.found.values()]
        if self.errors:
            return [*found, Problem("audit_failing", examples=tuple(self.errors.values()))]
        return [*found, Problem("audit_overdue")] if time.monotonic() > self.expected_by else found


@dataclass
class State:
    """Written by the daemon, read by the HTTP port. Times are monotonic seconds, except `since`."""

    heartbeat_seconds: float
    problem: str | None = "not connected yet"
    warning: str | None = None
    """A restriction of the connection, written by `Transitions`, like the role and the problem."""
    progress_at: float = field(default_factory=time.monotonic)
    heartbeat_at: float | None = None
    broken: str | None = None
    """Lost tables or columns that are needed, and the way out."""
    mapping: tuple[Problem, ...] = ()
    """The same, and triggers that are off, as problems."""
    audit: Audit = field(default_factory=Audit)
    refusals: Refusals = field(default_factory=Refusals)
    outage: str = "not_connected"
    """The code of the problem that keeps the daemon from working, while disconnected."""
    found: tuple[Problem, ...] = ()
    """Problems at the last look."""
    found_at: float = float("-inf")
    paused: tuple[Pause, ...] = ()
    """Paused reactions, when the daemon last led."""
    installed: str = ""
    """The installed reactions that the daemon has logged; empty: none."""
    squatters: tuple[Squatter, ...] = ()
    """Sessions that held locks of ours and were no daemons, at the last look."""
    sample: Sample | None = None
    sample_at: float | None = None
    courses: Courses | None = None
    activity: Activity = field(default_factory=Activity)
    titles: Titles = field(default_factory=Titles)
    since: float = field(default_factory=time.time)
    """Unix seconds at which the role was taken."""
    _role: Role = Role.STARTING

    @property
    def role(self) -> Role:
        return self._role

    @role.setter
    def role(self, role: Role) -> None:
        if role is not self._role:
            self._role = role
            self.since = time.time()

    def progressed(self) -> None:
        self.progress_at = time.monotonic()

    def stalled_for(self) -> float:
        """Seconds since the loop last made progress."""
        return time.monotonic() - self.progress_at

    def sampled(self, sample: Sample) -> None:
        self.sample = sample
        self.sample_at = time.monotonic()

    def saw(self, problems: tuple[Problem, ...]) -> None:
        self.found, self.found_at = problems, time.monotonic()

    def problems(self) -> tuple[Problem, ...]:
        """The problems that the daemon knows: from the last look, and the daemon's own."""
        known = list(self.found) if time.monotonic() - self.found_at < KEPT_SECONDS else []
        if self.role is Role.LEADING:
            dated = {each.code: each for each in known}
            known = [each for each in known if each.code not in MAPPING]
            known += [dated.get(each.code, each) for each in self.mapping]
        if self.role is Role.DISCONNECTED:
            known.append(Problem(self.outage, self.since, to_anybody=self.problem or ""))
        elif self.is_deaf():
            known.append(Problem("deaf", None if self.heartbeat_at is None else time.time() - self._heartbeat_age()))
        return in_order(known, {})

    def codes(self) -> set[str]:
        """Of the problems."""
        return {each.code for each in self.problems()}

    def is_deaf(self) -> bool:
        return self.role in (Role.LEADING, Role.STANDING_BY) and self._heartbeat_age() > 3 * self.heartbeat_seconds

    def _heartbeat_age(self) -> float:
        return float("inf") if self.heartbeat_at is None else time.monotonic() - self.heartbeat_at

    def paused_now(self) -> list[str]:
        """Paused reactions, if the daemon leads: a standby would not know."""
        return [each.consumer for each in self.paused] if self.role is Role.LEADING else []

    def remark(self) -> str | None:
        """A warning of a ready daemon, in a line that names no role."""
        if self.warning is not None or not self.squatters:
            return self.warning
        first, *others = self.squatters
        more = f" (and {len(others)} more)" if others else ""
        lock = "the leader's lock" if first.lock == "leader" else "the bell"
        return f"{lock} is held by {first.who}, which is no daemon{more}"

    def why_not_ready(self) -> str | None:
        """A line for all readers of the port; None if the daemon is ready."""
        if self.role not in (Role.LEADING, Role.STANDING_BY):
            return self.problem or self.role.value
        return "the heartbeat is overdue: notifications may not arrive" if self.is_deaf() else None
