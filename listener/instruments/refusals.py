"""Whether all students are refused: counts students set aside since the last enrollment."""

from collections.abc import Iterable, Mapping
from typing import Any

MANY = 3
"""So many refusals in a row concern all students, not some."""


class Refusals:
    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._inherited = 0

    @property
    def count(self) -> int:
        return self._inherited + len(self._refused)

    @property
    def are_all(self) -> bool:
        return self.count >= MANY

    def inherit(self, count: int) -> None:
        """An earlier leader had so many refusals."""
        self._inherited = count

    def refused(self, students: Iterable[Mapping[str, Any]]) -> None:
        """Students were set aside for the first time."""
        if self.count < MANY:
            self._refused.update(each["profile_id"] for each in students if each["reason"] == "failed")

    def succeeded(self) -> None:
        self._refused.clear()
        self._inherited = 0
