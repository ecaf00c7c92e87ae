"""Repairs counts that are off, while the system runs."""

from dataclasses import dataclass

from listener import sql
from listener.connection import Connection
from listener.locks import LOCK_CLASS, REPAIR_LOCK


@dataclass(frozen=True)
class CountRepair:
    """A count that was off."""

    course_id: str
    count_column: str
    current: int | None
    expected: int


async def repair_counts(connection: Connection) -> list[CountRepair]:
    """Repair all counts by the exact difference, and settle what is parked for courses that are gone; nothing while
    counting is paused. Two repairs at the same time would apply the difference twice, so an advisory lock lets one run
    at a time."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1, $2)", LOCK_CLASS, REPAIR_LOCK)
        await connection.execute(sql.read("session/whole_tables"))
        await connection.execute(sql.read("repair/settle_abandoned_counts"))
        rows = await connection.fetch(sql.read("repair/repair_counts"))
    return [CountRepair(**dict(row)) for row in rows]
