"""How one profile stands with each course, where a query says who should be where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from listener.adapter.mapping import Mapping, OnLeave

ShouldBe = Literal["enrolled", "returned", "suspended", "removed"]


class Standing(StrEnum):
    """How a profile stands with one course. The words are for machines, and stay."""

    ENROLLED = "enrolled"
    """Wanted, and there."""
    NOT_ACTIVE = "not_active"
    """Wanted, and there in a status that is not active and not the listener's doing: it is left alone."""
    LEFT_BY_HAND = "left_by_hand"
    """The listener made it, and somebody removed it: it is not put back."""
    TAKEN_BACK = "taken_back"
    """Wanted no more, and suspended or removed by the listener."""
    KEPT = "kept"
    """There, though not wanted: not the listener's to take back."""
    TO_DO = "to_do"
    """Not as it should be."""


@dataclass(frozen=True)
class Enrollment:
    """One enrollment of the profile."""

    course: str
    status: str | None
    active: bool
    since: str | None
    """As JSON has dates and times; None where the LMS keeps none."""


@dataclass(frozen=True)
class Made:
    """An enrollment that the listener made."""

    course: str
    made_at: datetime
    taken_back_at: datetime | None
    """None while it is as it was made."""


@dataclass(frozen=True)
class ByQuery:
    """The rule, as far as it says what becomes of a pair."""

    on_leave: OnLeave
    inactive_value: str | None
    is_looked_after: bool
    """Whether each audit looks for those whom no trigger could note."""

    @classmethod
    def of(cls, mapping: Mapping) -> "ByQuery | None":
        """None where no query says who should be where."""
        if mapping.wanted_query is None:
            return None
        return cls(mapping.on_leave, mapping.inactive_value, mapping.is_looked_after)


@dataclass(frozen=True)
class Pair:
    """One profile and one course."""

    course: str
    wanted: bool
    enrollment: Enrollment | None
    made: Made | None
    standing: Standing
    should_be: ShouldBe | None
    """What is to be done about it; None if nothing is."""


def pairs(
    rule: ByQuery, wanted: Sequence[str], enrollments: Sequence[Enrollment], made: Sequence[Made]
) -> tuple[Pair, ...]:
    """Every course that has anything to do with the profile, those where it should be first."""
    there = {each.course: each for each in reversed(enrollments) if not each.active}
    there |= {each.course: each for each in enrollments if each.active}
    ours = {each.course: each for each in made}
    courses = dict.fromkeys([*wanted, *(each.course for each in enrollments), *ours])
    return tuple(_pair(rule, course, course in wanted, there.get(course), ours.get(course)) for course in courses)


def _pair(rule: ByQuery, course: str, wanted: bool, there: Enrollment | None, made: Made | None) -> Pair:
    look = _wanted if wanted else _not_wanted
    standing, should_be = look(rule, there, made)
    return Pair(course, wanted, there, made, standing, should_be)


def _wanted(rule: ByQuery, there: Enrollment | None, made: Made | None) -> tuple[Standing, ShouldBe | None]:
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


def _not_wanted(rule: ByQuery, there: Enrollment | None, made: Made | None) -> tuple[Standing, ShouldBe | None]:
    if there is None or (made is not None and made.taken_back_at is not None and not there.active):
        was_taken_back = made is not None and made.taken_back_at is not None
        return Standing.TAKEN_BACK if was_taken_back else Standing.LEFT_BY_HAND, None
    if made is not None and made.taken_back_at is None and there.active and rule.on_leave != "keep":
        return Standing.TO_DO, "suspended" if rule.on_leave == "suspend" else "removed"
    return Standing.KEPT, None
