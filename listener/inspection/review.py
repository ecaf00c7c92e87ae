"""Shown by `listener install` before a rule that would move many students: students that would join and leave, counts
that would be corrected, and a number that stands for the whole review."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from listener import sql
from listener.catalogue.installation import Installation
from listener.database.connection import Connection
from listener.database.lock_watch import reading_whole_tables
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.inspection import preview as previewing
from listener.inspection.preview import Preview
from listener.inspection.rule_failure import answering
from listener.inspection.titles import titles
from listener.instruments.titles import named
from listener.mapping import rendering
from listener.mapping.brake import brake_of, joining_brake_of, on_joining
from listener.mapping.mapping import Mapping
from listener.numerals import counted

MOST_CORRECTIONS = 5
DIGITS = 12
JOINING, LEAVING = ("enrolled", "returned"), ("suspended", "removed")


@dataclass(frozen=True)
class Correction:
    course_id: str
    count_column: str
    current: int | None
    expected: int
    title: str | None = None
    """The course's title."""

    def __str__(self) -> str:
        says = "nothing" if self.current is None else f"{self.current:,}"
        difference = self.expected - (self.current or 0)
        course = named(self.course_id, self.title)
        return f"course {course}: {self.count_column} says {says}, should be {self.expected:,} ({difference:+,})"


@dataclass(frozen=True)
class Review:
    preview: Preview
    allowed: int | None
    """How many the brake would let go within ten minutes; None: any number."""
    joining_allowed: int | None
    """How many may join: as many as may leave, unless joining has a brake of its own."""
    corrections: tuple[Correction, ...]
    """Examples, the largest first."""
    corrected: int
    """How many counts would be."""
    profiles: int
    wanted: int
    """Profiles that the rule wants in any course."""
    by_query: bool
    """Whether the rule is a person's query. The built-in one wants nobody who has an enrollment."""
    code: str
    """Stands for the rule, and all else that would be installed."""

    @property
    def number(self) -> str:
        """Changes as soon as the rule or the numbers change."""
        movements = [[each.course_id, each.done, each.affected] for each in self.preview.movements]
        return hashlib.sha256(json.dumps([self.code, movements]).encode()).hexdigest()[:DIGITS]

    @property
    def exceeded(self) -> int | None:
        """What the brake allows, if more would join, or leave; else None."""
        limits = ((JOINING, self.joining_allowed), (LEAVING, self.allowed))
        over = (most for done, most in limits if most is not None and sum(map(self.preview.total, done)) > most)
        return next(over, None)

    def lines(self) -> Iterator[str]:
        """Beside the preview's."""
        if self.by_query and self.profiles and self.wanted in (0, self.profiles):
            whom = "nobody" if self.wanted == 0 else "everybody"
            yield f"the rule wants {whom}: {self.wanted:,} of {counted(self.profiles, 'profile')}"
        if self.corrected:
            yield f"{counted(self.corrected, 'count')} would be corrected:"
            yield from map(str, self.corrections)
            if self.corrected > len(self.corrections):
                yield f"and {self.corrected - len(self.corrections):,} more"


async def review(
    connection: Connection,
    url: str | None,
    mapping: Mapping,
    installed: Installation | None,
    code: str,
    *,
    same_counts: bool,
) -> Review:
    """The effects of installing `mapping` now, in a separate snapshot. With `same_counts` the installed functions know
    which counts are off. Starts over if a migration waits for the look, seen over a second connection to `url`. Raises
    Busy, and WrongSetting if the rule fails for a profile."""

    async def attempt() -> Review:
        limits = rendering.joins(mapping)
        async with reading_whole_tables(connection, url, isolation="repeatable_read", readonly=True, limits=limits):
            return await _review(connection, mapping, installed, code, same_counts=same_counts)

    async with answering(connection, mapping):
        return await patiently(attempt, looks=True)


async def _review(
    connection: Connection, mapping: Mapping, installed: Installation | None, code: str, *, same_counts: bool
) -> Review:
    values = rendering.placeholders(mapping)
    preview = await previewing.look(connection, mapping, installed)
    matched = await only_row(connection, sql.render(sql.read("inspection/preview", "matched"), values))
    off = []
    if mapping.counts_in_courses:
        name = "drifted" if same_counts else "miscounted"
        off = await connection.fetch(sql.render(sql.read("inspection/preview", name), values), MOST_CORRECTIONS)
    known = await titles(connection, mapping, [row["course_id"] for row in off])
    return Review(
        preview,
        *await _allowed(connection, mapping, installed),
        tuple(
            Correction(
                row["course_id"], row["count_column"], row["current"], row["expected"], known.get(row["course_id"])
            )
            for row in off
        ),
        off[0]["total"] if off else 0,
        matched["profiles"],
        matched["wanted"],
        mapping.wanted_query is not None,
        code,
    )


async def _allowed(
    connection: Connection, mapping: Mapping, installed: Installation | None
) -> tuple[int | None, int | None]:
    """For leaving, and for joining."""
    query = "select brake.kind, brake.active from listener.brake"
    rows = [] if installed is None else await connection.fetch(query)
    active: dict[str, int] = {row["kind"]: row["active"] for row in rows}
    allowed = brake_of(mapping).allows(active.get("leaving", 0))
    return allowed, joining_brake_of(mapping).allows(active.get("joining", 0)) if on_joining(mapping) else allowed
