"""Why one profile is, or is not, enrolled: the verdict of `listener explain`, and what it rests on."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from listener.adapter.problems import describe
from listener.settings import PREFIX

COUNTS = PREFIX + "COUNT_COLUMNS"

BLIND = "notes taken blindly, which name nobody, wait to be made good"


class Verdict(StrEnum):
    """How a profile stands. The words are for machines, and stay."""

    ENROLLED = "enrolled"
    NOT_A_STUDENT = "not_a_student"
    WAITS = "waits"
    """A student who could not be enrolled yet; `reason` says why."""
    ON_ITS_WAY = "on_its_way"
    """Noted, and not yet handled."""
    MISSED = "missed"
    """A student of whom nothing knows."""
    NOT_DONE_HERE = "enrolling_not_done_here"
    ONLY_OBSERVED = "only_observed"
    UNKNOWN = "unknown"
    """What would have to be known could not be read."""


@dataclass(frozen=True)
class Enrollment:
    """One enrollment of the profile."""

    course: str
    status: str | None
    active: bool
    since: str | None
    """As JSON has dates and times; None where the LMS keeps none."""


@dataclass(frozen=True)
class Pending:
    """Why it was set aside. `reason` is `no_course`, `course_locked` or `failed`."""

    reason: str
    error: str | None
    attempts: int
    since: datetime
    next_attempt_at: datetime | None
    """None: as soon as there is a course."""


@dataclass(frozen=True)
class Noted:
    """Notes that wait, and when the oldest was taken."""

    waiting: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Seen:
    """What was found about one profile. None: it could not be read, and `unread` says why."""

    is_student: bool | None
    rule_rows: tuple[dict[str, Any], ...] | None
    """What the columns that the rule reads hold, by row; asked only of who is no student."""
    enrollments: tuple[Enrollment, ...] | None
    default_course: str | None
    has_default_course: bool | None
    """Whether there is a course that a new student lands in now."""
    pending: Pending | None
    notes: Noted
    blind_notes: Noted
    enrolling_paused: bool
    """Whether enrolling waits, by `listener pause`."""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Why a profile is, or is not, enrolled."""

    profile: str
    rule: str
    """Who is a student, in words."""
    actions: str
    seen: Seen
    problems: tuple[dict[str, str], ...] = ()
    """What a migration took away that cannot be done without."""
    doubts: tuple[str, ...] = field(default=())
    """Why this may not be all there is to say."""

    @property
    def mapping_broken(self) -> str | None:
        """What is gone, and what to do about it."""
        return "; ".join(map(describe, self.problems)) or None

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the answer may not be all there is to say; empty if it is."""
        broken = [] if self.mapping_broken is None else [f"the mapping is broken: {self.mapping_broken}"]
        blind = [BLIND] if self.seen.blind_notes.waiting else []
        return (*broken, *blind, *self.doubts, *self.seen.unread)

    @property
    def verdict(self) -> Verdict:
        """How the profile stands."""
        return self._decided[0]

    @property
    def reason(self) -> str | None:
        """What it waits for, in a word that stays; None if it does not wait."""
        return self._decided[1]

    @property
    def _decided(self) -> tuple[Verdict, str | None]:
        seen = self.seen
        if seen.enrollments:
            return Verdict.ENROLLED, None
        if self.actions == "count":
            return Verdict.NOT_DONE_HERE, None
        if seen.is_student is False:
            return Verdict.NOT_A_STUDENT, None
        if seen.is_student is None or seen.enrollments is None:
            return Verdict.UNKNOWN, None
        if self.actions == "observe":
            return Verdict.ONLY_OBSERVED, None
        if seen.enrolling_paused and (seen.pending is not None or seen.notes.waiting):
            return Verdict.WAITS, "paused"
        if seen.pending is not None:
            return Verdict.WAITS, seen.pending.reason
        # A note is handled although a trigger is missing or no count can be moved, but not without the tables' columns.
        if any(each["setting"] not in ("", COUNTS) for each in self.problems):
            return Verdict.WAITS, "mapping_broken"
        if seen.notes.waiting:
            return Verdict.ON_ITS_WAY, None
        if self.problems:
            return Verdict.WAITS, "mapping_broken"
        # Who signed up while a name was another one may be noted blindly, or not noted yet.
        if self.incomplete:
            return Verdict.ON_ITS_WAY, "noted_blindly"
        return Verdict.MISSED, None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        seen = asdict(self.seen)
        del seen["unread"]
        return {
            "profile": self.profile,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "rule": self.rule,
            "actions": self.actions,
            **seen,
            "mapping_broken": self.mapping_broken,
            "complete": not self.incomplete,
            "incomplete_because": list(self.incomplete),
        }
