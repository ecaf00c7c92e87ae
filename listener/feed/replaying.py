"""A replay: a consumer handles again the notes since a moment, as far as still in the feed.

A further checkpoint sets the consumer back. The checkpoint's number fences it against a daemon's batch: only one
checkpoint can follow another. Batches wait for the few milliseconds of the replay, so no daemon is fenced off.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.locks import CHANNEL, LOOK
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.errors import NotAMoment, Purged

LOCK = sql.read("feed/replaying", "lock")


@dataclass(frozen=True)
class Replay:
    since: datetime
    notes: int
    """Handled notes since then."""
    first_xid: str | None
    """The first transaction with a note since then; None if there is none."""
    seen: str


async def moment(connection: Connection, text: str) -> datetime:
    """From a duration ago, or a date and time. Raises NotAMoment."""
    for kind in ("moment_of_time", "moment_ago"):
        with suppress(asyncpg.DataError):
            at: datetime | None = await connection.fetchval(sql.read("feed/replaying", kind), text)
            if at is not None:
                return at
    raise NotAMoment(text=text)


async def look(connection: Connection, consumer: str, since: datetime) -> Replay:
    """The extent of a replay by `consumer`. Raises Purged if the feed has lost a part."""
    row = await only_row(connection, sql.read("feed/replaying", "look"), consumer, since)
    if row["is_purged"]:
        raise Purged(since=f"{since:%F %T %Z}", until=f"{row['purged_until']:%F %T %Z}", kept_from=row["kept_from"])
    return Replay(since, row["notes"], row["first_xid"], row["seen"])


async def replay(connection: Connection, consumer: str, since: datetime) -> Replay:
    """Raises Purged, Busy."""

    async def attempt() -> Replay:
        while True:
            found = await look(connection, consumer, since)
            if not found.notes:
                return found
            async with connection.transaction(isolation="read_committed"):
                await connection.execute(LOCK)
                row = await connection.fetchrow(
                    sql.read("feed/replaying", "set_back"), consumer, since, found.first_xid, found.seen, CHANNEL, LOOK
                )
            if row is not None:
                return found

    return await patiently(attempt)
