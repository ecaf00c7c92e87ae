"""Notices that the database is a copy, restored from a logical dump into another cluster.

Checkpoints are made of transaction ids, and a copy counts its own from another number: what is noted there could be
taken for handled. So the feed starts over, and every student without an enrollment is noted again. (A physical copy
keeps its ids, and its checkpoints are right.)
"""

from listener import sql
from listener.connection import Connection
from listener.logs import Event, Logger

IDENTIFIER = "select system_identifier from pg_catalog.pg_control_system()"


async def check(connection: Connection, consumers: list[str], log: Logger) -> bool:
    """Make sure that the checkpoints are about this cluster's transactions. True if the feed had to start over."""
    async with connection.transaction(isolation="read_committed"):
        row = await connection.fetchrow(sql.read("repair/is_restored"), consumers)
        assert row is not None
        identifier = await connection.fetchval(IDENTIFIER) if row["readable"] else None
        moved = None not in (identifier, row["recorded"]) and identifier != row["recorded"]
        restored = moved or row["from_the_future"]
        told = None
        if restored:
            await connection.execute(sql.read("session/whole_tables"))
            told = await connection.fetchrow(sql.read("repair/restart_feed"), consumers)
        if identifier is not None and identifier != row["recorded"]:
            await connection.execute(sql.read("repair/record_cluster"), identifier)
    if restored:
        assert told is not None
        log.warning(Event.DATABASE_RESTORED, **dict(told))
    return bool(restored)
