"""Whether everybody is refused: students that were set aside since somebody was last enrolled."""

from collections.abc import Iterable, Mapping
from typing import Any

MANY = 3
"""So many in a row are no longer this or that student, but all."""


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
        """An earlier leader has met so many."""
        self._inherited = count

    def refused(self, students: Iterable[Mapping[str, Any]]) -> None:
        """Students were set aside for the first time."""
        if self.count < MANY:
            self._refused.update(each["profile_id"] for each in students if each["reason"] == "failed")

    def succeeded(self) -> None:
        self._refused.clear()
        self._inherited = 0
