"""Looks for what is not as it should be, and mends it while the system runs."""

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from listener import rendering, sql
from listener.connection import Connection
from listener.mapping import LOCK_CLASS, REPAIR_LOCK, Mapping

PAGE = 1000
"""Students looked at in one transaction."""


@dataclass(frozen=True)
class CountRepair:
    """A count that was off."""

    course_id: str
    count_column: str
    current: int | None
    expected: int


@dataclass(frozen=True)
class Enrolled:
    """What a pass over all students did."""

    students: int
    enrolled: int
    pending: int


async def enroll_missing(
    connection: Connection,
    mapping: Mapping,
    progress: Callable[[int, int], None] = lambda _seen, _enrolled: None,
) -> Enrolled:
    """Enroll every student that has no enrollment, a page at a time, in key order.

    `progress` is told how many students were looked at, and how many enrolled, so far.
    """
    text = sql.read("audit/enroll_missing")
    together, each = (
        sql.render(text, rendering.placeholders(mapping) | {"outcome": sql.read(f"daemon/enroll_{manner}")})
        for manner in ("together", "each")
    )
    seen = enrolled = pending = 0
    after: str | None = None
    while True:
        try:
            row = await connection.fetchrow(together, after, PAGE)
        except asyncpg.PostgresError:
            row = await connection.fetchrow(each, after, PAGE)
        assert row is not None
        seen += row["students"]
        enrolled += row["enrolled"]
        pending += row["pending"]
        progress(seen, enrolled)
        if row["students"] < PAGE:
            return Enrolled(seen, enrolled, pending)
        after = row["last_id"]


async def repair_counts(connection: Connection) -> list[CountRepair]:
    """Repair all counts by the exact difference. Two at a time would repair twice: a lock lets one pass only."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1, $2)", LOCK_CLASS, REPAIR_LOCK)
        await connection.execute(sql.read("audit/whole_tables"))
        rows = await connection.fetch(sql.read("audit/repair_counts"))
    return [CountRepair(**dict(row)) for row in rows]
