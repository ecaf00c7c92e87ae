"""The names of all consumers. Each is a function `listener.NAME`, or was installed from a folder."""

from listener import sql
from listener.database.connection import Connection

ENROLL = "enroll"
COUNT = "count"

BUILT_IN = (ENROLL, COUNT)


async def consumers(connection: Connection) -> list[str]:
    """All consumers, the built-in first."""
    return [*BUILT_IN, *await connection.fetchval(sql.read("feed/registry", "names"))]
