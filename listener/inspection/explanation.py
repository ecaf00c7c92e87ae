"""The verdict of `listener explain` about a profile, and the facts behind the verdict."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from listener.catalogue.problems import describe
from listener.inspection.pairs import Enrollment, Pair, Rule, Standing
from listener.instruments.titles import named
from listener.settings import PREFIX

COUNTS = PREFIX + "COUNT_COLUMNS"

BLIND = "notes taken blindly, which name nobody, wait to be made good"


class Verdict(StrEnum):
    """How a profile stands. The words are for machines, and stay."""

    ENROLLED = "enrolled"
    NOT_A_STUDENT = "not_a_student"
    WAITS = "waits"
    """A student that could not be enrolled yet; `reason` says why."""
    ON_ITS_WAY = "on_its_way"
    """Noted, and not yet handled."""
    MISSED = "missed"
    """A student without a note."""
    NOT_WANTED = "not_wanted"
    """The rule's query has no course for the profile."""
    LEFT_BY_HAND = "left_by_hand"
    """Made by the listener, removed by a person: not put back."""
    NOT_DONE_HERE = "enrolling_not_done_here"
    ONLY_OBSERVED = "only_observed"
    UNKNOWN = "unknown"
    """Necessary facts could not be read."""


@dataclass(frozen=True)
class Pending:
    """Why a student was set aside. `reason` is `no_course`, `course_locked` or `failed`."""

    reason: str
    error: str | None
    attempts: int
    since: datetime
    next_attempt_at: datetime | None
    """None: as soon as there is a course."""


@dataclass(frozen=True)
class Noted:
    """Waiting notes, and the time of the oldest."""

    waiting: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class ProfileFacts:
    """Facts about a profile. None: not readable, and `unread` says why."""

    is_student: bool | None
    rule_rows: tuple[dict[str, Any], ...] | None
    """Columns that the rule reads, by row; only of a profile that is no student."""
    enrollments: tuple[Enrollment, ...] | None
    default_course: str | None
    has_default_course: bool | None
    """Whether a new student would find a course now."""
    pending: Pending | None
    notes: Noted
    blind_notes: Noted
    enrolling_paused: bool
    """By `listener pause`."""
    unread: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] | None = None
    """Courses of the profile."""
    routed_notes: Noted = Noted(0, None)
    """Notes of rows that may lead to the profile."""


@dataclass(frozen=True)
class Explanation:
    profile: str
    rule: str
    """The rule for students, in words."""
    actions: str
    seen: ProfileFacts
    means: Rule
    """The consequences of the rule for one course."""
    titles: dict[str, str] = field(default_factory=dict)
    """Of these courses, as far as they can be read."""
    problems: tuple[dict[str, str], ...] = ()
    """Lost tables or columns that are needed."""
    doubts: tuple[str, ...] = field(default=())
    """Reasons why the answer may be incomplete."""

    @property
    def mapping_broken(self) -> str | None:
        """Lost parts, and the way out."""
        return "; ".join(map(describe, self.problems)) or None

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Reasons why the answer may be incomplete."""
        broken = [] if self.mapping_broken is None else [f"the mapping is broken: {self.mapping_broken}"]
        # Under a query, blind notes are mostly about all profiles, and cast no doubt on facts about a single profile.
        blind = [BLIND] if self.seen.blind_notes.waiting and self.means.only_on_joining else []
        return (*broken, *blind, *self.doubts, *self.seen.unread)

    def course(self, key: str | None) -> str:
        """For people."""
        return named(str(key), self.titles.get(str(key)))

    @property
    def verdict(self) -> Verdict:
        return self._decided[0]

    @property
    def reason(self) -> str | None:
        """The cause of the profile's wait, in a word that stays; None without a wait."""
        return self._decided[1]

    @property
    def _decided(self) -> tuple[Verdict, str | None]:
        rule, pairs = self.means, self.seen.pairs
        in_another = rule.by_school and any(each.standing is Standing.TO_DO for each in pairs or ())
        if rule.only_on_joining and self.seen.enrollments and not in_another:
            return Verdict.ENROLLED, None
        if self.actions == "count":
            return Verdict.NOT_DONE_HERE, None
        if pairs is None:
            return Verdict.UNKNOWN, None
        if any(each.standing is Standing.TO_DO for each in pairs):
            verdict, reason = self._of_what_is_to_do()
            found_by_audit = verdict is Verdict.MISSED and not rule.only_on_joining
            return (Verdict.ON_ITS_WAY, "audit") if found_by_audit else (verdict, reason)
        if any(each.standing is Standing.HELD for each in pairs):
            return Verdict.WAITS, "held"
        wanted = [each.standing for each in pairs if each.wanted]
        if not wanted and rule.by_school and self.seen.is_student:
            return Verdict.NOT_WANTED, None
        if not wanted:
            return Verdict.NOT_A_STUDENT if rule.only_on_joining else Verdict.NOT_WANTED, None
        if all(each is Standing.LEFT_BY_HAND for each in wanted):
            return Verdict.LEFT_BY_HAND, None
        return Verdict.ENROLLED, None

    def _of_what_is_to_do(self) -> tuple[Verdict, str | None]:
        """For a profile with something to do: whether a note or a leader knows, and the cause of the wait."""
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
        if not self.means.only_on_joining and seen.blind_notes.waiting:
            return Verdict.ON_ITS_WAY, "everyone"
        # A sign-up before a rename was followed may be noted blindly, or not yet.
        if self.incomplete:
            return Verdict.ON_ITS_WAY, "noted_blindly"
        return Verdict.MISSED, None

    def to_dict(self) -> dict[str, Any]:
        seen = asdict(self.seen)
        del seen["unread"]
        routed, pairs = seen.pop("routed_notes"), seen.pop("pairs")
        of_courses = {} if self.means.only_on_joining else {"courses": pairs, "routed_notes": routed}
        return {
            "profile": self.profile,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "rule": self.rule,
            "actions": self.actions,
            **seen,
            **of_courses,
            "titles": self.titles,
            "mapping_broken": self.mapping_broken,
            "complete": not self.incomplete,
            "incomplete_because": list(self.incomplete),
        }
