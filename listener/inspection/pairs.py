"""A profile and each course."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from listener.mapping.mapping import Mapping, OnLeave

ShouldBe = Literal["enrolled", "returned", "suspended", "removed"]


class Standing(StrEnum):
    """How a profile stands with a course. The words are for machines, and stay."""

    ENROLLED = "enrolled"
    """Wanted, and there."""
    NOT_ACTIVE = "not_active"
    """Wanted, and there in an inactive status that the listener did not set: left alone."""
    LEFT_BY_HAND = "left_by_hand"
    """Made by the listener, removed by a person: not put back."""
    TAKEN_BACK = "taken_back"
    """Wanted no more, and suspended or removed by the listener."""
    KEPT = "kept"
    """There, though not wanted: not the listener's to take back."""
    HELD = "held"
    """Wanted no more, and held by the brake."""
    TO_DO = "to_do"
    """To be made, returned, suspended or removed."""


@dataclass(frozen=True)
class Enrollment:
    course: str
    status: str | None
    active: bool
    since: str | None
    """In JSON's form; None where the LMS keeps none."""


@dataclass(frozen=True)
class Made:
    course: str
    made_at: datetime
    taken_back_at: datetime | None
    held_since: datetime | None = None


@dataclass(frozen=True)
class Rule:
    """The part of the rule that decides about a pair."""

    only_on_joining: bool
    """Whether the rule is about new students alone: a student with any enrollment is left alone."""
    on_leave: OnLeave
    inactive_value: str | None
    by_school: bool = False
    """Whether several schools have courses of their own: then all that is wanted is to be done."""

    @classmethod
    def of(cls, mapping: Mapping) -> "Rule":
        """The rule of a mapping."""
        return cls(mapping.only_on_joining, mapping.on_leave, mapping.inactive_value, mapping.tenant is not None)


@dataclass(frozen=True)
class Pair:
    """A profile and a course."""

    course: str | None
    """None: there is no default course."""
    wanted: bool
    enrollment: Enrollment | None
    made: Made | None
    standing: Standing
    should_be: ShouldBe | None
    """None if nothing is to be done."""


def pairs(
    rule: Rule, wanted: Sequence[str | None], enrollments: Sequence[Enrollment], made: Sequence[Made]
) -> tuple[Pair, ...]:
    """Every course that the rule, an enrollment or the ledger names for the profile, wanted courses first."""
    there: dict[str | None, Enrollment] = {each.course: each for each in reversed(enrollments) if not each.active}
    there |= {each.course: each for each in enrollments if each.active}
    ours: dict[str | None, Made] = {each.course: each for each in made}
    courses: dict[str | None, None] = dict.fromkeys([*wanted, *(each.course for each in enrollments), *ours])
    return tuple(_pair(rule, course, course in wanted, there.get(course), ours.get(course)) for course in courses)


def _pair(rule: Rule, course: str | None, wanted: bool, there: Enrollment | None, made: Made | None) -> Pair:
    look = _wanted if wanted else _not_wanted
    standing, should_be = look(rule, there, made)
    return Pair(course, wanted, there, made, standing, should_be)


def _wanted(rule: Rule, there: Enrollment | None, made: Made | None) -> tuple[Standing, ShouldBe | None]:
    was_taken_back = made is not None and made.taken_back_at is not None
    if there is None:
        if made is not None and not was_taken_back and rule.on_leave != "keep":
            return Standing.LEFT_BY_HAND, None
        return Standing.TO_DO, "returned" if was_taken_back else "enrolled"
    if there.active:
        return Standing.ENROLLED, None
    if was_taken_back and rule.on_leave == "suspend" and there.status == rule.inactive_value:
        return Standing.TO_DO, "returned"
    return Standing.NOT_ACTIVE, None


def _not_wanted(rule: Rule, there: Enrollment | None, made: Made | None) -> tuple[Standing, ShouldBe | None]:
    if there is None or (made is not None and made.taken_back_at is not None and not there.active):
        was_taken_back = made is not None and made.taken_back_at is not None
        return Standing.TAKEN_BACK if was_taken_back else Standing.LEFT_BY_HAND, None
    if made is not None and made.taken_back_at is None and there.active and rule.on_leave != "keep":
        if made.held_since is not None:
            return Standing.HELD, None
        return Standing.TO_DO, "suspended" if rule.on_leave == "suspend" else "removed"
    return Standing.KEPT, None
