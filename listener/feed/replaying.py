"""A consumer that handles again what was noted since some moment, as far as it is still in the feed.

Its checkpoint is set back by one more checkpoint, whose number is the fence between this and a daemon's batch: of two
that follow the same one, only one is ever written. So that no daemon needs to be fenced, batches wait for the few
milliseconds that it takes.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener import sql
from listener.connection import Connection
from listener.errors import NotAMoment, Purged
from listener.locks import CHANNEL, LOOK
from listener.patience import LOCK_MILLISECONDS, patiently

LOCK = sql.render(sql.read("feed/replay_lock"), {"lock_milliseconds": str(LOCK_MILLISECONDS)})


@dataclass(frozen=True)
class Replay:
    """What a consumer would handle again."""

    since: datetime
    notes: int
    """Those that it has handled; 0 if nothing that was noted since is handled."""
    first_xid: str | None
    """The first transaction that noted something since; None if none did."""
    seen: str
    """The snapshot in which that was so."""


async def moment(connection: Connection, text: str) -> datetime:
    """The moment that somebody means by how long ago it was, or by its date and time. Raises NotAMoment."""
    for kind in ("feed/moment_of_time", "feed/moment_ago"):
        with suppress(asyncpg.DataError):
            at: datetime | None = await connection.fetchval(sql.read(kind), text)
            if at is not None:
                return at
    raise NotAMoment(text=text)


async def look(connection: Connection, consumer: str, since: datetime) -> Replay:
    """What `consumer` would handle again. Raises Purged if it could not have all of it."""
    row = await connection.fetchrow(sql.read("feed/replay_look"), consumer, since)
    assert row is not None
    if row["is_purged"]:
        raise Purged(since=f"{since:%F %T %Z}", until=f"{row['purged_until']:%F %T %Z}", kept_from=row["kept_from"])
    return Replay(since, row["notes"], row["first_xid"], row["seen"])


async def replay(connection: Connection, consumer: str, since: datetime) -> Replay:
    """Have `consumer` handle again what it has handled of what was noted since. Raises Purged, Busy."""

    async def attempt() -> Replay:
        while True:
            found = await look(connection, consumer, since)
            if not found.notes:
                return found
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(LOCK)
                row = await connection.fetchrow(
                    sql.read("feed/replay"), consumer, since, found.first_xid, found.seen, CHANNEL, LOOK
                )
            if row is not None:
                return found

    return await patiently(attempt)
