"""Why one profile is, or is not, enrolled: the verdict of `listener explain`, and what it rests on."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from listener.adapter.problems import describe
from listener.monitor.pairs import ByQuery, Enrollment, Pair, Standing
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
    NOT_WANTED = "not_wanted"
    """The query of who should be where has no course for it."""
    LEFT_BY_HAND = "left_by_hand"
    """Somebody removed what the listener had made, and it is not put back."""
    NOT_DONE_HERE = "enrolling_not_done_here"
    ONLY_OBSERVED = "only_observed"
    UNKNOWN = "unknown"
    """What would have to be known could not be read."""


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
    pairs: tuple[Pair, ...] | None = None
    """Each course that it has to do with, where a query says who should be where."""
    routed_notes: Noted = Noted(0, None)
    """Notes of rows that are about no single profile, and may lead to this one."""


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
    by_query: ByQuery | None = None
    """Where a query says who should be where, what it means for a pair."""

    @property
    def mapping_broken(self) -> str | None:
        """What is gone, and what to do about it."""
        return "; ".join(map(describe, self.problems)) or None

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the answer may not be all there is to say; empty if it is."""
        broken = [] if self.mapping_broken is None else [f"the mapping is broken: {self.mapping_broken}"]
        # Under a query they are mostly about everyone, and no doubt about what is seen of one.
        blind = [BLIND] if self.seen.blind_notes.waiting and self.by_query is None else []
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
        if self.by_query is not None:
            return self._decided_by_query(self.by_query)
        if seen.enrollments:
            return Verdict.ENROLLED, None
        if self.actions == "count":
            return Verdict.NOT_DONE_HERE, None
        if seen.is_student is False:
            return Verdict.NOT_A_STUDENT, None
        if seen.is_student is None or seen.enrollments is None:
            return Verdict.UNKNOWN, None
        return self._of_what_is_to_do()

    def _decided_by_query(self, rule: ByQuery) -> tuple[Verdict, str | None]:
        pairs = self.seen.pairs
        if self.actions == "count":
            return Verdict.NOT_DONE_HERE, None
        if pairs is None:
            return Verdict.UNKNOWN, None
        if any(each.standing is Standing.TO_DO for each in pairs):
            verdict, reason = self._of_what_is_to_do()
            found_by_audit = verdict is Verdict.MISSED and rule.is_looked_after
            return (Verdict.ON_ITS_WAY, "audit") if found_by_audit else (verdict, reason)
        wanted = [each.standing for each in pairs if each.wanted]
        if not wanted:
            return Verdict.NOT_WANTED, None
        if all(each is Standing.LEFT_BY_HAND for each in wanted):
            return Verdict.LEFT_BY_HAND, None
        return Verdict.ENROLLED, None

    def _of_what_is_to_do(self) -> tuple[Verdict, str | None]:
        """Something is not as it should be: whether anybody knows of it, and what it waits for."""
        seen = self.seen
        if self.actions == "observe":
            return Verdict.ONLY_OBSERVED, None
        if seen.enrolling_paused and (seen.pending is not None or seen.notes.waiting or seen.routed_notes.waiting):
            return Verdict.WAITS, "paused"
        if seen.pending is not None:
            return Verdict.WAITS, seen.pending.reason
        # A note is handled although a trigger is missing or no count can be moved, but not without the tables' columns.
        if any(each["setting"] not in ("", COUNTS) for each in self.problems):
            return Verdict.WAITS, "mapping_broken"
        if seen.notes.waiting:
            return Verdict.ON_ITS_WAY, None
        if seen.routed_notes.waiting:
            return Verdict.ON_ITS_WAY, "may_concern"
        if self.problems:
            return Verdict.WAITS, "mapping_broken"
        if self.by_query is not None and seen.blind_notes.waiting:
            return Verdict.ON_ITS_WAY, "everyone"
        # Who signed up while a name was another one may be noted blindly, or not noted yet.
        if self.incomplete:
            return Verdict.ON_ITS_WAY, "noted_blindly"
        return Verdict.MISSED, None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        seen = asdict(self.seen)
        del seen["unread"]
        routed, pairs = seen.pop("routed_notes"), seen.pop("pairs")
        by_query = {} if self.by_query is None else {"courses": pairs, "routed_notes": routed}
        return {
            "profile": self.profile,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "rule": self.rule,
            "actions": self.actions,
            **seen,
            **by_query,
            "mapping_broken": self.mapping_broken,
            "complete": not self.incomplete,
            "incomplete_because": list(self.incomplete),
        }
