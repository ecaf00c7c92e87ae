"""Reads the history: each action with student, time, rule and reason."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from listener import sql
from listener.database.connection import Connection
from listener.errors import NoHistory
from listener.inspection.profile_look import written_key
from listener.instruments import titles
from listener.instruments.titles import named
from listener.mapping.mapping import Mapping

WHERE = {"enrolled": "in", "returned": "to", "suspended": "in", "removed": "from"}


@dataclass(frozen=True)
class Done:
    at: datetime
    profile: str
    course: str
    done: str
    cause: str
    rule: int | None
    because: str | None
    title: str | None = None
    """Of the course."""

    def __str__(self) -> str:
        why = "" if self.because is None else f": {self.because}"
        where = f"{WHERE[self.done]} course {named(self.course, self.title)}"
        return f"{self.at:%F %T %Z} profile {self.profile} {self.done} {where} ({self.cause}, rule {self.rule}){why}"


@dataclass(frozen=True)
class InstalledRule:
    number: int
    text: str
    installed_at: datetime
    installed_by: str

    def __str__(self) -> str:
        return f"rule {self.number}, installed {self.installed_at:%F %T %Z} by {self.installed_by}"


@dataclass(frozen=True)
class History:
    begins: datetime
    """All actions since are known."""
    done: tuple[Done, ...]
    """The latest last."""
    has_earlier: bool
    """Whether earlier actions that were asked for are left off."""
    rules: tuple[InstalledRule, ...]
    """The rules behind `done`."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


async def begins(connection: Connection) -> datetime:
    """Raises NoHistory."""
    at: datetime | None = await connection.fetchval(sql.read("inspection/history", "begins"))
    if at is None:
        raise NoHistory
    return at


async def read(
    connection: Connection,
    mapping: Mapping,
    profile: str | None,
    course: str | None,
    since: datetime | None,
    last: int,
) -> History:
    """The `last` actions that fit. Raises NoHistory, NotAKey."""
    begin = await begins(connection)
    key = None if profile is None else await written_key(connection, mapping, profile)
    text = sql.render(sql.read("inspection/history", "done"), {"profile_key_type": mapping.profile_key_type})
    rows = await connection.fetch(text, key, course, since, last + 1)
    known = await titles.look(connection, [row["course"] for row in rows])
    done = tuple(Done(**dict(row), title=known.get(row["course"])) for row in reversed(rows[:last]))
    numbers = sorted({each.rule for each in done if each.rule is not None})
    rules = await connection.fetch(sql.read("inspection/history", "rules"), numbers)
    return History(begin, done, len(rows) > last, tuple(InstalledRule(**dict(row)) for row in rules))
