"""Consumers that wait until somebody lets them go on. Their notes stay in the feed, and nothing is lost.

A pause is a row, and each statement of a reaction reads it in its own snapshot. So none that begins after the row is
committed does anything, whoever leads and whatever a daemon has heard; what is told to the leader saves it the looking.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio

from listener import sql
from listener.connection import Connection
from listener.locks import CHANNEL, LOOK

IN_HAND_SECONDS = 10.0
"""How long `let_finish` waits. A batch takes a quarter of a second; one that is refused, student by student, longer."""

POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Pause:
    """One consumer that is paused."""

    consumer: str
    since: datetime
    paused_by: str
    """The role that asked for it."""
    reason: str | None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Pause":
        """From a row as Postgres writes it in JSON."""
        return cls(row["consumer"], datetime.fromisoformat(row["since"]), row["paused_by"], row["reason"])

    def __str__(self) -> str:
        """In one line."""
        because = "" if self.reason is None else f" ({self.reason})"
        return f"{self.consumer} is paused since {self.since:%F %T %Z} by {self.paused_by}{because}"


async def pause(connection: Connection, consumer: str, reason: str | None) -> tuple[Pause, bool]:
    """Pause a consumer. The pause, and whether it is new: a second one changes the reason at most."""
    row = await connection.fetchrow(sql.read("feed/pause"), consumer, reason, CHANNEL, LOOK)
    assert row is not None
    values = dict(row)
    is_new: bool = values.pop("is_new")
    return Pause(**values), is_new


async def resume(connection: Connection, consumer: str) -> Pause | None:
    """Let a consumer go on. The pause that is over, or None if there was none."""
    row = await connection.fetchrow(sql.read("feed/resume"), consumer, CHANNEL, LOOK)
    return None if row is None else Pause(**dict(row))


async def paused(connection: Connection) -> tuple[Pause, ...]:
    """All that is paused, the longest first."""
    return tuple(Pause(**dict(row)) for row in await connection.fetch(sql.read("feed/paused")))


async def let_finish(connection: Connection, seconds: float = IN_HAND_SECONDS) -> bool:
    """Wait until the statements that began before what is committed now are over. False if one still is not after
    `seconds`."""
    before = set(await connection.fetchval(sql.read("feed/in_hand")))
    with anyio.move_on_after(seconds):
        while before:
            await anyio.sleep(POLL_SECONDS)
            before &= set(await connection.fetchval(sql.read("feed/in_hand")))
    return not before
