"""Subscriptions of logical replication: a database that a subscription writes is a copy of another, or has rows that
fire no triggers."""

from listener import sql
from listener.database.connection import Connection
from listener.errors import Subscribed
from listener.mapping.mapping import Mapping


async def refuse(connection: Connection) -> None:
    """Raise Subscribed if a subscription writes our own tables: a daemon's writes there would stop the subscription."""
    if await connection.fetchval(sql.read("catalogue/subscriptions", "writes_ours")):
        raise Subscribed


async def remark(connection: Connection, mapping: Mapping) -> str | None:
    """A line about the LMS's tables whose rows come by a subscription. (The worker fires no statement trigger, not even
    an ENABLE ALWAYS trigger.)"""
    schemas, names, _ = mapping.triggers
    written = await connection.fetch(sql.read("catalogue/subscriptions", "written_tables"), schemas, names)
    if not written:
        return None
    tables = ", ".join(row["name"] for row in written)
    return (
        f"a subscription writes {tables}, past our triggers: install the listener in the database that the rows come"
        " from, or run `listener sync` here time and again"
    )
