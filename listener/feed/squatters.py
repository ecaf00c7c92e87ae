"""Sessions that hold our locks and are no daemons: any login may take an advisory lock."""

from dataclasses import dataclass
from typing import Any, Literal

from listener import sql
from listener.database.connection import Connection

Lock = Literal["leader", "bell"]

LOCKS: tuple[Lock, ...] = ("leader", "bell")


@dataclass(frozen=True)
class Squatter:
    """A session, or a prepared transaction, that holds or waits for one of our locks."""

    lock: Lock
    pid: int | None
    """None for a prepared transaction, which has no session."""
    prepared: str | None
    """The transaction's name."""
    role: str | None
    application_name: str | None
    mend: str
    """The statement that ends the squatter, for a role that may."""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Squatter":
        return cls(**row)

    @property
    def who(self) -> str:
        """Without the role, which not all readers may know."""
        return "a prepared transaction" if self.pid is None else f"session {self.pid}"

    def __str__(self) -> str:
        lock = "the leader's lock" if self.lock == "leader" else "the bell"
        return f"{self.who}, which is no daemon, holds {lock}"


async def look(connection: Connection) -> list[Squatter]:
    """All squatters now, at most 20."""
    return [Squatter.from_row(dict(row)) for row in await connection.fetch(sql.read("feed/leadership", "squatters"))]
