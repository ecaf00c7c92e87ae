"""Releases enrollments from the brake: a page at a time, handled like any other note, so that sign-ups wait for no more
than a page."""

from dataclasses import asdict, dataclass
from typing import Any

from listener import sql
from listener.database.connection import Connection
from listener.database.patience import set_lock_timeout
from listener.database.rows import only_row
from listener.feed.registry import ENROLL
from listener.instruments import titles
from listener.instruments.titles import named
from listener.mapping import rendering
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.repair.sync import PAGE, snapshot, until_handled

EXAMPLES = 5


@dataclass(frozen=True)
class HeldInCourse:
    course_id: str
    held: int
    examples: tuple[str, ...]
    """Keys of some of the profiles."""
    title: str | None = None
    joins: bool = False
    """Whether these are to be enrolled there; else they are to leave."""

    def __str__(self) -> str:
        more = ", …" if self.held > len(self.examples) else ""
        who = "held who would join" if self.joins else "held"
        return f"course {named(self.course_id, self.title)}: {self.held:,} {who}: {', '.join(self.examples)}{more}"


@dataclass(frozen=True)
class Held:
    """The held enrollments, the fullest course first."""

    courses: tuple[HeldInCourse, ...]
    allowed: int | None
    """How many may be taken back within ten minutes; None: any number."""
    taken_back: int
    """How many were."""
    joining_allowed: int | None = None
    joined: int = 0

    @property
    def total(self) -> int:
        return sum(each.held for each in self.courses)

    def __str__(self) -> str:
        if not self.courses:
            return "nothing is held"
        allowed = "any number" if self.allowed is None else f"{self.allowed:,}"
        joining = ""
        if self.joining_allowed is not None:
            has = "has" if self.joined == 1 else "have"
            joining = f"; {self.joining_allowed:,} may join, and {self.joined:,} {has}"
        return (
            f"{counted(self.total, 'enrollment is', 'enrollments are')} held; within ten minutes {allowed} may be taken"
            f" back, and {self.taken_back:,} {'was' if self.taken_back == 1 else 'were'}{joining}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {"held": self.total, **asdict(self)}


@dataclass(frozen=True)
class Released:
    released: int
    left: int
    """How many released enrollments could not be taken back, or made."""
    handled: bool
    """Whether a leader handled the notes in time."""


async def look(connection: Connection, course: str | None) -> Held:
    """The held enrollments, in `course` or in all."""
    rows = await connection.fetch(sql.read("repair/release", "held"), course, EXAMPLES)
    brake = await only_row(connection, sql.read("repair/release", "brake"))
    known = await titles.look(connection, [row["course_id"] for row in rows])
    return Held(
        tuple(
            HeldInCourse(
                row["course_id"], row["held"], tuple(row["examples"]), known.get(row["course_id"]), row["joins"]
            )
            for row in rows
        ),
        brake["allowed"],
        brake["taken_back"],
        brake["joining_allowed"],
        brake["joined"],
    )


async def release(connection: Connection, mapping: Mapping, course: str | None) -> Released:
    """Release what is held now, in `course` or in all."""
    await set_lock_timeout(connection)
    now = (await only_row(connection, sql.read("repair/release", "brake")))["now"]
    still_there = sql.render(sql.read("repair/release", "left"), rendering.placeholders(mapping))
    released = left = 0
    handled = True
    while handled:
        page = await only_row(connection, sql.read("repair/release", "release"), course, now, PAGE)
        if page["profiles"] is None:
            break
        handled = await until_handled(connection, await snapshot(connection), [ENROLL])
        released += len(page["profiles"])
        left += await connection.fetchval(still_there, page["profiles"], page["courses"])
    return Released(released, left, handled and await until_handled(connection, await snapshot(connection)))
