"""`listener forget`: takes a profile out of everything that schema `listener` holds."""

import re
from dataclasses import asdict, dataclass, replace

import anyio

from listener import sql
from listener.database.connection import Connection
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.inspection.profile_look import written_key
from listener.mapping.mapping import Mapping

LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Forgotten:
    """Rows that held a profile's key, now deleted or without the key."""

    profile: str
    made: int
    """Enrollments in the ledger."""
    waiting: int
    """Places in a line for a seat."""
    pending: int
    """1 if the profile was set aside."""
    quarantined: int
    notes: int
    history: int
    """Actions on the profile."""
    mentioned: int
    """Examples of a problem, errors of a course's count, and reasons for actions on other profiles."""
    unhandled: int
    """Notes that stay, since some consumer has not handled them yet."""
    is_there: bool
    """Whether the LMS still has the profile."""

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


async def forget(connection: Connection, mapping: Mapping, profile: str, seconds: float) -> Forgotten:
    """Wait up to `seconds` for notes that are still to be handled. Raises NotAKey, Busy."""
    key = await written_key(connection, mapping, profile)
    values = {"profile_key_type": mapping.profile_key_type}
    statement = sql.render(sql.read("repair/forgetting", "forget"), values)
    is_there = await connection.fetchval(sql.render(sql.read("inspection/profile_look", "presence"), values), key)
    pattern = rf"\m{re.escape(key)}\M"

    async def attempt() -> Forgotten:
        row = await only_row(connection, statement, key, mapping.enrollment_profile, pattern)
        return Forgotten(profile=key, is_there=is_there, **dict(row))

    found = await patiently(attempt)
    with anyio.move_on_after(seconds):
        while found.unhandled:
            await anyio.sleep(LOOK_AGAIN_SECONDS)
            found = _both(found, await patiently(attempt))
    return found


def _both(earlier: Forgotten, later: Forgotten) -> Forgotten:
    counts = ("made", "waiting", "pending", "quarantined", "notes", "history", "mentioned")
    return replace(later, **{name: getattr(earlier, name) + getattr(later, name) for name in counts})
