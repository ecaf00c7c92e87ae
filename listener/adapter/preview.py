"""Says beforehand who would join, leave and come back, by course, in one snapshot of the tables as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg

from listener import sql
from listener.adapter import rendering
from listener.adapter.install import Installation
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.errors import WrongSetting
from listener.lock_watch import reading_whole_tables
from listener.patience import patiently
from listener.wording import counted

FIRST_WITH_LEDGER = 6
"""The first version of the schema that keeps account of what the listener made."""

EXAMPLES = 5
MOST_SHOWN = 50
"""Lines, of one course and one thing each."""

WORDS = {"enrolled": "join", "returned": "come back", "suspended": "leave (suspended)", "removed": "leave (removed)"}
"""What people call what would be done, in the order in which it is told."""


@dataclass(frozen=True)
class Movement:
    """One thing that would be done in one course."""

    course_id: str | None
    """None if there is no course for those who have none."""
    course_is_there: bool
    done: str
    """One of WORDS."""
    affected: int
    """Profiles."""
    waiting: int
    """How many of them were set aside before, and wait."""
    examples: tuple[str, ...]
    """Keys of some of these profiles, the least first."""
    seats: int | None = None
    """How many seats there are for all who join or come back, if they are more; None if there is one for each."""

    def __str__(self) -> str:
        course = "no course" if self.course_id is None else f"course {self.course_id}"
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
        """How often this would be done in all courses; one of WORDS."""
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
    """What the SQL files' placeholders stand for, where `mapping` may be another one than what is installed: nothing of
    it is called. Without a ledger nobody leaves or comes back."""
    has_ledger = installed is not None and installed.version >= FIRST_WITH_LEDGER
    plain = rendering.placeholders(mapping)
    ledger = sql.render(sql.read(f"adapter/preview/{'made' if has_ledger else 'made_none'}"), plain)
    values = rendering.placeholders(mapping, ledger)
    if mapping.wanted_query is None:
        values["astray"] = sql.render(sql.read("adapter/preview/default"), values)
    return values | _parts(mapping, values, "waiting_none" if installed is None else "waiting")


def placeholders_of_installed(mapping: Mapping) -> dict[str, str]:
    """The same where `mapping` is what is installed: its functions say it."""
    values = rendering.placeholders(mapping) | {"astray": sql.read("adapter/preview/by_function")}
    return values | _parts(mapping, values, "waiting")


def _parts(mapping: Mapping, values: dict[str, str], waiting: str) -> dict[str, str]:
    """Who waits already, and the courses."""
    courses = "courses" if mapping.course_seats is None else "courses_with_seats"
    files = {"waiting": waiting, "courses": courses}
    return {name: sql.render(sql.read(f"adapter/preview/{file}"), values) for name, file in files.items()}


@contextmanager
def answering(mapping: Mapping) -> Iterator[None]:
    """What reads everybody that a query wants: if the query fails for somebody, it is the query that is to be mended.

    Raises WrongSetting."""
    try:
        yield
    except asyncpg.DataError as error:
        if mapping.wanted_query is None:
            raise
        raise WrongSetting(name="LISTENER_WANTED_QUERY", problem=f"fails on what is there: {error}") from error


async def look(connection: Connection, mapping: Mapping, installed: Installation | None) -> Preview:
    """What would be done if `mapping` were installed now, with an earlier installation or without. Within the caller's
    transaction.

    Raises WrongSetting if the query of LISTENER_WANTED_QUERY fails for somebody."""
    return await _look(connection, mapping, placeholders(mapping, installed))


async def look_at_installed(connection: Connection, mapping: Mapping) -> Preview:
    """What would be done under what is installed. Within the caller's transaction. Raises what `look` does."""
    return await _look(connection, mapping, placeholders_of_installed(mapping))


async def _look(connection: Connection, mapping: Mapping, values: dict[str, str]) -> Preview:
    if not mapping.enrolls:
        return Preview(())
    with answering(mapping):
        rows = await connection.fetch(sql.render(sql.read("adapter/preview/movements"), values), EXAMPLES)
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
            )
            for row in rows
        )
    )


async def preview(connection: Connection, url: str | None, mapping: Mapping, installed: Installation | None) -> Preview:
    """What would be done if `mapping` were installed now, in a snapshot of its own. It starts over if a migration waits
    for it, seen over a second connection to `url`. Raises Busy, and what `look` raises."""

    async def attempt() -> Preview:
        by_query = mapping.wanted_query is not None
        async with reading_whole_tables(connection, url, isolation="repeatable_read", readonly=True, by_query=by_query):
            return await look(connection, mapping, installed)

    return await patiently(attempt)
