"""`listener undo`: reverses the listener's changes, where untouched since."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listener import sql
from listener.database.connection import Connection
from listener.database.patience import set_lock_timeout
from listener.instruments import titles
from listener.instruments.titles import named
from listener.numerals import counted

EXAMPLES = 5
PAGE = 100
"""Enrollments in a transaction: a sign-up waits no longer than behind a batch."""

AGAIN = {"removed": "not enrolled", "returned": "active again", "suspended": "suspended again"}
"""Words for the state after the undo."""


@dataclass(frozen=True)
class Undoable:
    profile: str
    course: str
    first_id: int
    last_id: int
    removed_id: int | None
    becomes: str
    is_untouched: bool


@dataclass(frozen=True)
class ToUndo:
    """All that was done since a moment, or by a rule, and is not as before."""

    found: tuple[Undoable, ...]
    titles: dict[str, str] = field(default_factory=dict)
    """Of courses, as far as they can be read."""

    @property
    def untouched(self) -> list[Undoable]:
        return [each for each in self.found if each.is_untouched]

    @property
    def touched(self) -> list[Undoable]:
        return [each for each in self.found if not each.is_untouched]

    def lines(self) -> Iterator[str]:
        if not self.found:
            yield "nothing to undo"
            return
        yield f"{counted(len(self.untouched), 'enrollment')} would be as before"
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for each in self.untouched:
            groups[each.course, each.becomes].append(each.profile)
        for (course, becomes), profiles in groups.items():
            where = f"course {named(course, self.titles.get(course))}"
            yield f"{where}: {len(profiles):,} {AGAIN[becomes]}: {_some(profiles)}"
        if self.touched:
            yield _stay([(each.profile, each.course) for each in self.touched])

    def to_dict(self) -> dict[str, Any]:
        def is_in(each: Undoable) -> dict[str, str]:
            return {"profile": each.profile, "course": each.course}

        return {
            "to_undo": [is_in(each) | {"becomes": each.becomes} for each in self.untouched],
            "touched": [is_in(each) for each in self.touched],
        }


@dataclass
class Undone:
    undone: Counter[str] = field(default_factory=Counter)
    """How many enrollments got each state."""
    touched: list[tuple[str, str]] = field(default_factory=list)
    """(profile, course)."""
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """(profile, course, error)."""
    not_tried: int = 0

    @property
    def remains(self) -> bool:
        return bool(self.touched or self.refused or self.not_tried)

    def lines(self) -> Iterator[str]:
        done = ", ".join(f"{number:,} {AGAIN[becomes]}" for becomes, number in self.undone.items())
        yield f"undone: {done or 'nothing'}"
        if self.touched:
            yield _stay(self.touched)
        if self.refused:
            yield f"{counted(len(self.refused), 'was', 'were')} refused: `listener undo` tries again"
        for profile, course, error in self.refused[:EXAMPLES]:
            yield f"profile {profile} in course {course}: {error}"
        if self.not_tried:
            yield f"{counted(self.not_tried, 'was', 'were')} not tried, for a statement was cancelled: try again"

    def to_dict(self) -> dict[str, Any]:
        return {
            "undone": dict(self.undone),
            "touched": [{"profile": profile, "course": course} for profile, course in self.touched],
            "refused": [
                {"profile": profile, "course": course, "error": error} for profile, course, error in self.refused
            ],
            "not_tried": self.not_tried,
        }


async def look(connection: Connection, since: datetime | None, rule: int | None) -> ToUndo:
    """Everything done since `since`, or by `rule`."""
    rows = await connection.fetch(sql.read("repair/undoing", "look"), since, rule)
    return ToUndo(
        tuple(Undoable(**dict(row)) for row in rows), await titles.look(connection, [row["course"] for row in rows])
    )


async def undo(connection: Connection, asked: ToUndo) -> Undone:
    """The latest first. A touched enrollment stays."""
    await set_lock_timeout(connection)
    done = Undone(touched=[(each.profile, each.course) for each in asked.touched])
    left = asked.untouched
    while left:
        page = left[-PAGE:]
        ids = ([getattr(each, name) for each in page] for name in ("first_id", "last_id", "removed_id"))
        rows = await connection.fetch(sql.read("repair/undoing", "undo"), *ids)
        for row in rows:
            if row["error"] is not None:
                done.refused.append((row["profile"], row["course"], row["error"]))
            elif row["done"] is None:
                done.touched.append((row["profile"], row["course"]))
            else:
                done.undone[row["done"]] += 1
        if len(rows) < len(page):
            done.not_tried = len(left) - len(rows)
            break
        del left[-PAGE:]
    return done


def _stay(touched: list[tuple[str, str]]) -> str:
    names = [f"{profile} in {course}" for profile, course in touched]
    return f"{len(names):,} stay as they are, for somebody has touched them since: {_some(names)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:EXAMPLES]) + (", …" if len(names) > EXAMPLES else "")
