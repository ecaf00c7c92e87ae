"""Finds why a connection was lost, where the driver only says that the connection is closed."""

import anyio
import asyncpg

from listener.database.connection import close, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.errors import ListenerError, ServerRestarted, SessionEnded
from listener.settings import Settings

SECONDS = 1.0
OF_THE_DRIVER = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Errors about the driver's own state."""

EXPECTED: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, ListenerError)
"""Errors of another look: no server, or no address in the file of the URL."""

RESTARTED = "select pg_catalog.pg_postmaster_start_time() > now() - pg_catalog.make_interval(secs => $1)"


async def cause(error: Exception, settings: Settings, seconds: float) -> Exception:
    """The error itself, if it tells the cause. Otherwise one more look: the server's answer to a new connection. If the
    server takes a connection, only the session was ended, unless the server began later than the lost connection, which
    was made `seconds` ago. Raises nothing: there is an outage already."""
    if not isinstance(error, OF_THE_DRIVER):
        return error
    try:
        with anyio.fail_after(SECONDS):
            connection = await connect(settings.url(), application_name="listener-command", statement_cache_size=0)
            try:
                restarted = await connection.fetchval(RESTARTED, seconds)
            finally:
                await close(connection)
    except EXPECTED as found:
        return error if isinstance(found, OF_THE_DRIVER) else found
    return ServerRestarted() if restarted else SessionEnded()
