"""The session in the way when a command gets no lock, with role and query."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.driver_errors import CONNECTION_ERRORS, LOCKED
from listener.database.limits import LOOK_SECONDS
from listener.errors import Busy, ListenerError, Locked, TookTooLong

WAITED: tuple[type[Exception], ...] = (*LOCKED, Busy)


@asynccontextmanager
async def named_if_in_the_way(connection: Connection) -> AsyncIterator[None]:
    """Raises Locked, with the session's name, in place of an error about a lock that was not to be had; TookTooLong
    where the server ended a statement."""
    try:
        yield
    except WAITED as error:
        found = await _holder(connection)
        if found is not None:
            raise found from error
        if isinstance(error, Busy):
            raise
        raise Busy from error
    except asyncpg.QueryCanceledError as error:
        raise TookTooLong(seconds=LOOK_SECONDS) from error


async def _holder(connection: Connection) -> ListenerError | None:
    try:
        row = await connection.fetchrow(sql.read("database/holders"))
    except CONNECTION_ERRORS:
        return None
    if row is None:
        return None
    pid, query = row["pid"], row["query"]
    session = row["role"] if pid is None else f"session {pid} ({row['role']}{f': {query}' if query else ''})"
    mend = "end that transaction" if pid is None else f"`select pg_terminate_backend({pid})` ends it"
    return Locked(table=row["table_name"], session=session, mend=mend)
