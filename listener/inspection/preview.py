"""Foretells which students would join, leave and come back, by course, in a single snapshot of whole tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from listener import sql
from listener.catalogue.installation import Installation
from listener.database.connection import Connection
from listener.inspection.titles import titles
from listener.instruments.titles import named
from listener.mapping import rendering
from listener.mapping.mapping import Mapping
from listener.numerals import counted

PENDING = "listener.pending_enrollment"
ASTRAY = "select * from listener.astray() as astray where astray.should_be not in ('failed', 'kept')"
NOBODY = "(select null::text as profile_id, null::text as course_id where false)"
"""Those who wait already, before anything is installed."""

EXAMPLES = 5
MOST_SHOWN = 50
"""Lines, each for a course and an effect."""

WORDS = {"enrolled": "join", "returned": "come back", "suspended": "leave (suspended)", "removed": "leave (removed)"}
"""The effects in words for people, in the order of printing."""


@dataclass(frozen=True)
class Movement:
    """An effect in a course."""

    course_id: str | None
    """None if there is no course for the students."""
    course_is_there: bool
    done: str
    """A key of WORDS."""
    affected: int
    """Profiles."""
    waiting: int
    """Profiles that were set aside before, and wait."""
    examples: tuple[str, ...]
    """Keys of some of the profiles, the least first."""
    seats: int | None = None
    """Free seats, if more profiles join or come back than there are seats; None if all find a seat."""
    title: str | None = None
    """The course's title."""

    def __str__(self) -> str:
        course = "no course" if self.course_id is None else f"course {named(self.course_id, self.title)}"
        more = ", …" if self.affected > len(self.examples) else ""
        remarks = "".join(self._remarks())
        return f"{course}: {self.affected:,} would {WORDS[self.done]}: {', '.join(self.examples)}{more}{remarks}"

    def _remarks(self) -> Iterator[str]:
        if not self.course_is_there and self.done in ("enrolled", "returned"):
            yield "; there is no such course, so they would wait" if self.course_id else "; they would wait for one"
        if self.seats is not None:
            yield f"; {counted(self.seats, 'seat is', 'seats are')} free, so the rest would wait"
        if self.waiting:
            yield f"; {counted(self.waiting, 'of them waits', 'of them wait')} already (`listener pending`)"


@dataclass(frozen=True)
class Preview:
    """All that would be done, by course."""

    movements: tuple[Movement, ...]

    def total(self, done: str) -> int:
        """How often the effect, a key of WORDS, happens in all courses."""
        return sum(each.affected for each in self.movements if each.done == done)

    def lines(self) -> Iterator[str]:
        """For people: the numbers, and then a line for each course, as long as there are not too many."""
        yield f"who would join, leave, come back: {self.numbers()}"
        yield from self.by_course()

    def numbers(self) -> str:
        """How many would join, come back and leave."""
        numbers = [f"{self.total(done):,} {word}" for done, word in WORDS.items() if self.total(done)]
        return ", ".join(numbers) or "nobody"

    def by_course(self) -> Iterator[str]:
        """A line for each course and thing, as long as there are not too many."""
        yield from map(str, self.movements[:MOST_SHOWN])
        shown = {each.course_id for each in self.movements[:MOST_SHOWN]}
        others = len({each.course_id for each in self.movements} - shown)
        if len(self.movements) > MOST_SHOWN:
            yield f"and in {counted(others, 'more course')}" if others else "and more in the last of these"


def placeholders(mapping: Mapping, installed: Installation | None) -> dict[str, str]:
    """Values of the SQL files' placeholders, where `mapping` may differ from the installed mapping: no installed
    function is called. Without a ledger no student leaves or comes back."""
    made = sql.read("inspection/preview", "made_before" if installed is None else "made")
    ledger = sql.render(made, rendering.placeholders(mapping))
    values = rendering.placeholders(mapping, f"({sql.subquery(ledger)})")
    return values | {"pending": NOBODY if installed is None else PENDING}


def placeholders_of_installed(mapping: Mapping) -> dict[str, str]:
    """The same where `mapping` is installed: the installed functions answer."""
    return rendering.placeholders(mapping) | {"astray": ASTRAY, "pending": PENDING}


async def look(connection: Connection, mapping: Mapping, installed: Installation | None) -> Preview:
    """The effects of installing `mapping` now, after an earlier installation or none. Within the caller's
    transaction."""
    return await _look(connection, mapping, placeholders(mapping, installed))


async def look_at_installed(connection: Connection, mapping: Mapping) -> Preview:
    """The effects under the installed mapping. Within the caller's transaction."""
    return await _look(connection, mapping, placeholders_of_installed(mapping))


async def _look(connection: Connection, mapping: Mapping, values: dict[str, str]) -> Preview:
    if not mapping.enrolls:
        return Preview(())
    rows = await connection.fetch(sql.render(sql.read("inspection/preview", "movements"), values), EXAMPLES)
    shown = {row["course_id"]: None for row in rows[:MOST_SHOWN] if row["course_is_there"]}
    known = await titles(connection, mapping, list(shown))
    return Preview(
        tuple(
            Movement(
                row["course_id"],
                row["course_is_there"],
                row["should_be"],
                row["affected"],
                row["waiting"],
                tuple(row["examples"]),
                row["seats"],
                known.get(row["course_id"]),
            )
            for row in rows
        )
    )
