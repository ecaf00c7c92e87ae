"""Repairs counts while the system runs."""

from dataclasses import dataclass

from listener.database.connection import Connection


@dataclass(frozen=True)
class CountRepair:
    course_id: str
    count_column: str
    current: int | None
    expected: int


async def repair_counts(connection: Connection) -> list[CountRepair]:
    """Repair all counts by the exact difference, and settle deltas of courses that are gone; nothing while counting is
    paused. Two repairs at once would apply a difference twice: so repairs run singly."""
    return [CountRepair(**dict(row)) for row in await connection.fetch("select * from listener.repair_counts()")]
