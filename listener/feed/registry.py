"""Who reads the feed: the names of all consumers. What each does is in `sql/reactions/NAME.sql`, or was installed."""

from listener import sql
from listener.connection import Connection

ENROLL = "enroll"
COUNT = "count"

BUILT_IN = (ENROLL, COUNT)


async def consumers(connection: Connection) -> list[str]:
    """Names of all consumers in this database: those that are built in, then those that were installed."""
    return [*BUILT_IN, *await connection.fetchval(sql.read("feed/installed"))]
