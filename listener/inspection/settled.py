"""Waits until everything noted for a profile is handled."""

from dataclasses import dataclass

import anyio

from listener import sql
from listener.catalogue import installation
from listener.database.connection import Connection
from listener.errors import UnknownProfile
from listener.inspection.profile_look import written_key

SHORTEST_PAUSE = 0.005
LONGEST_PAUSE = 0.25
"""Nothing tells when a note is handled, for that would be a NOTIFY for each batch: so it is asked for, at growing
intervals."""


@dataclass(frozen=True)
class Waited:
    is_settled: bool
    reason: str | None = None
    """Why not, if the profile is set aside."""
    error: str | None = None


async def wait(connection: Connection, profile: str, seconds: float) -> Waited:
    """Raises UnknownProfile, NotAKey, NotInstalled, WrongVersion."""
    mapping = (await installation.require(connection)).mapping
    key = await written_key(connection, mapping, profile)
    values = {"profile_key_type": mapping.profile_key_type}
    ask, look = (sql.render(sql.read("inspection/settled", name), values) for name in ("settled", "pending"))
    pause, until = SHORTEST_PAUSE, anyio.current_time() + seconds
    while True:
        is_settled = await connection.fetchval(ask, key)
        left = until - anyio.current_time()
        if is_settled is None:
            raise UnknownProfile(profile=profile, key=mapping.profile_key, table=mapping.profile_table.label)
        if is_settled or left <= 0:
            break
        await anyio.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    pending = None if is_settled else await connection.fetchrow(look, key)
    return Waited(is_settled) if pending is None else Waited(is_settled, pending["reason"], pending["error"])
