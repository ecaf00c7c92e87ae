"""Paused consumers.

Notes of a paused consumer stay in the feed. A pause is a row, and each statement of a reaction reads the row in its own
snapshot. So once the row is committed, no later statement does anything, even if the daemon has not heard. Notifying
the leader only saves time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio

from listener import sql
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.texts import one_line

IN_HAND_SECONDS = 10.0
"""Longest wait of `let_finish`. A batch takes a quarter of a second; a refused batch, student by student, longer."""

POLL_SECONDS = 0.01

PAUSE = "select * from listener.pause($1, $2)"
RESUME = "select * from listener.resume($1)"


@dataclass(frozen=True)
class Pause:
    consumer: str
    since: datetime
    paused_by: str
    reason: str | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Pause":
        return cls(row["consumer"], datetime.fromisoformat(row["since"]), row["paused_by"], row["reason"])

    def __str__(self) -> str:
        because = "" if self.reason is None else f" ({self.reason})"
        return f"{self.consumer} is paused since {self.since:%F %T %Z} by {self.paused_by}{because}"


async def pause(connection: Connection, consumer: str, reason: str | None) -> tuple[Pause, bool]:
    """Returns the pause, and whether the pause is new: a second pause only changes the reason."""
    row = await only_row(connection, PAUSE, consumer, None if reason is None else one_line(reason))
    values = dict(row)
    is_new: bool = values.pop("is_new")
    return Pause(**values), is_new


async def resume(connection: Connection, consumer: str) -> Pause | None:
    """Returns the pause that is over, or None if there was none."""
    row = await connection.fetchrow(RESUME, consumer)
    return None if row is None else Pause(**dict(row))


async def paused(connection: Connection) -> tuple[Pause, ...]:
    """The longest first."""
    return tuple(Pause(**dict(row)) for row in await connection.fetch(sql.read("feed/pausing", "paused")))


async def let_finish(connection: Connection, seconds: float = IN_HAND_SECONDS) -> bool:
    """Wait until the statements that began before the last commit are over. False if any is not, after `seconds`."""
    before = set(await connection.fetchval(sql.read("feed/pausing", "in_hand")))
    with anyio.move_on_after(seconds):
        while before:
            await anyio.sleep(POLL_SECONDS)
            before &= set(await connection.fetchval(sql.read("feed/pausing", "in_hand")))
    return not before
