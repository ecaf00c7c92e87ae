"""What became of all enrollments, by the diary that a trigger keeps."""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

Pair = tuple[int, int]


@dataclass
class Enrollment:
    """One row, as the diary has it."""

    by_listener: bool
    """Whether the listener made it."""
    pair: Pair
    status: str
    touched_by_hand: bool = False
    """Whether anybody else has changed it since."""
    last_by_listener: bool = False
    """Whether the listener was the last to change it."""
    suspended_by_listener: bool = False
    """Whether the listener has ever suspended it."""


class Diary:
    """What became of all enrollments, and what was done that should not have been."""

    def __init__(self, on_leave: str) -> None:
        self._on_leave = on_leave
        self.enrollments: dict[int, Enrollment] = {}
        self.wrong: list[str] = []
        self.removed_by_hand: set[Pair] = set()
        """Of which the last row was removed, or moved elsewhere, by hand."""
        self.by_hand: set[Pair] = set()
        """That somebody has ever done something about, besides the listener."""

    def read(self, entries: list[asyncpg.Record]) -> "Diary":
        """Go through it from the beginning."""
        for entry in entries:
            {
                "INSERT": self._made,
                "UPDATE": self._changed,
                "DELETE": self._removed,
                "PROFILE": self._other_key,
                "COURSE": self._other_key,
            }[entry["operation"]](entry)
        return self

    def _other_key(self, entry: asyncpg.Record) -> None:
        """A profile or a course is gone, or has another key: what was done about it is forgotten, or goes along."""
        place = 0 if entry["operation"] == "PROFILE" else 1
        name = ("profile_id", "course_id")[place]
        for known in (self.by_hand, self.removed_by_hand):
            concerned = {pair for pair in known if pair[place] == entry[f"old_{name}"]}
            known -= concerned
            if entry[name] is not None:
                known |= {(entry[name], pair[1]) if place == 0 else (pair[0], entry[name]) for pair in concerned}

    def _made(self, entry: asyncpg.Record) -> None:
        pair = (entry["profile_id"], entry["course_id"])
        by_listener = entry["by_listener"]
        self.enrollments[entry["enrollment_id"]] = Enrollment(
            by_listener, pair, entry["status"], last_by_listener=by_listener
        )
        self.removed_by_hand.discard(pair)
        if not by_listener:
            self.by_hand.add(pair)

    def _changed(self, entry: asyncpg.Record) -> None:
        enrollment = self.enrollments[entry["enrollment_id"]]
        pair = (entry["profile_id"], entry["course_id"])
        if entry["as_a_consequence"]:
            enrollment.pair = pair
            return
        if not entry["by_listener"]:
            if pair != enrollment.pair:
                self.removed_by_hand.add(enrollment.pair)
                self.removed_by_hand.discard(pair)
            self.by_hand |= {pair, enrollment.pair}
            enrollment.touched_by_hand = True
            enrollment.last_by_listener = False
        else:
            step = (entry["old_status"], entry["status"])
            if self._on_leave != "suspend" or pair != enrollment.pair or not enrollment.by_listener:
                self._blame(entry, enrollment)
            elif step == ("active", "inactive"):
                enrollment.suspended_by_listener = True
            elif step != ("inactive", "active") or not enrollment.suspended_by_listener:
                self._blame(entry, enrollment)
            enrollment.last_by_listener = True
        enrollment.pair, enrollment.status = pair, entry["status"]

    def _removed(self, entry: asyncpg.Record) -> None:
        enrollment = self.enrollments.pop(entry["enrollment_id"])
        if entry["as_a_consequence"]:
            return
        if not entry["by_listener"]:
            self.by_hand.add(enrollment.pair)
            self.removed_by_hand.add(enrollment.pair)
        elif self._on_leave != "remove" or not enrollment.by_listener or entry["old_status"] != "active":
            self._blame(entry, enrollment)

    def _blame(self, entry: asyncpg.Record, enrollment: Enrollment) -> None:
        self.wrong.append(f"the listener did {dict(entry)} to {enrollment}")

    def compared_with(self, wanted: set[Pair]) -> Iterator[str]:
        """What is not as it should be, when everything has been handled."""
        yield from self.wrong
        there: dict[Pair, list[Enrollment]] = {}
        for enrollment in self.enrollments.values():
            there.setdefault(enrollment.pair, []).append(enrollment)
        for pair in wanted - set(there):
            if pair not in self.removed_by_hand:
                yield f"{pair} is wanted, and not enrolled"
        for pair, found in there.items():
            if sum(each.by_listener and not each.touched_by_hand for each in found) > 1:
                yield f"the listener enrolled {pair} twice: {found}"
            if pair in wanted:
                if all(each.status == "inactive" and each.last_by_listener for each in found):
                    yield f"{pair} has not come back: {found}"
            elif self._on_leave == "keep" or pair in self.by_hand:
                continue
            elif any(each.by_listener and not each.touched_by_hand and each.status == "active" for each in found):
                yield f"{pair} has not left: {found}"
