"""Notices that the database is a copy, restored from a logical dump into another cluster.

Checkpoints are made of transaction ids, and the other cluster has other ids: new notes could pass for handled. So the
feed starts over, and every student without an enrollment is noted again. (A physical copy keeps the ids.)
"""

from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.logs import Event, Logger

RESTART = "select * from listener.restart_if_restored()"


async def check(connection: Connection, log: Logger) -> bool:
    """Make sure that checkpoints are of this cluster. True if the feed had to start over."""
    async with connection.transaction(isolation="read_committed"):
        row = await only_row(connection, RESTART)
    told = dict(row)
    restored: bool = told.pop("restored")
    if restored:
        log.warning(Event.DATABASE_RESTORED, **told)
    return restored
