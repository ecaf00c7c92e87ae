"""What is checked once, when the daemon starts: whether it could work under its role at all."""

import anyio

from listener.adapter import install, rights
from listener.connection import close, connect
from listener.errors import CONNECTION_ERRORS, Blinded, ListenerError, MayNot
from listener.settings import Settings

SECONDS = 5.0


async def refusal(settings: Settings) -> ListenerError | None:
    """Why this role cannot do the daemon's work; None if it can, or if nobody can tell now (the daemon will see)."""
    with anyio.move_on_after(SECONDS):
        try:
            connection = await connect(settings.url(), application_name="listener-command", statement_cache_size=0)
        except CONNECTION_ERRORS:
            return None
        try:
            async with connection.transaction(readonly=True):
                if not await connection.fetchval("select to_regnamespace('listener') is not null"):
                    return None
                await rights.check_runtime(connection)
                installed = await install.require(connection)
                await rights.check_views(connection, installed.mapping)
        except (MayNot, Blinded) as error:
            return error
        except CONNECTION_ERRORS:
            return None
        except ListenerError:
            return None
        finally:
            await close(connection)
    return None
