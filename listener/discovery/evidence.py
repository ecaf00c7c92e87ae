"""Candidates, scores and reasons. `install` shows all, and asks where two candidates fit about as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from listener.errors import Ambiguous

Thing = TypeVar("Thing")

CLOSE = 10
"""Candidates with scores this close count as equal."""

LEAST = 40
"""Least score of a candidate."""


@dataclass(frozen=True)
class Candidate(Generic[Thing]):
    """A possible table or column. The score is out of 100."""

    thing: Thing
    name: str
    score: int
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


@dataclass(frozen=True)
class Choice:
    """A line of `install`'s report."""

    what: str
    score: int
    reason: str


def best(
    candidates: Sequence[Candidate[Thing]], what: str, setting: str, least: int = LEAST
) -> Candidate[Thing] | None:
    """None if there is no candidate. Raises Ambiguous if the second is close."""
    ranked = sorted(
        (candidate for candidate in candidates if candidate.score >= least), key=lambda each: (-each.score, each.name)
    )
    if not ranked:
        return None
    close = [each for each in ranked if ranked[0].score - each.score < CLOSE]
    if len(close) > 1:
        raise Ambiguous(what=what, candidates=" and ".join(map(str, close)), setting=setting)
    return ranked[0]
