"""Checked once, when the daemon starts: whether its role could work at all."""

import anyio

from listener.catalogue import installation, rights, schema_check
from listener.database.connection import close, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.errors import Blinded, ListenerError, MayNot, SchemaOfAnother, SchemaTaken
from listener.settings import Settings

SECONDS = 5.0


async def refusal(settings: Settings) -> ListenerError | None:
    """The reason why the daemon's role cannot do the work; None if the role can, or if that cannot be seen now."""
    with anyio.move_on_after(SECONDS):
        try:
            connection = await connect(settings.url(), application_name="listener-command", statement_cache_size=0)
        except CONNECTION_ERRORS:
            return None
        try:
            async with connection.transaction(readonly=True):
                if not await schema_check.is_there(connection):
                    return None
                await rights.check_runtime(connection)
                installed = await installation.require(connection)
                await rights.check_views(connection, installed.mapping)
        except (MayNot, Blinded, SchemaOfAnother, SchemaTaken) as error:
            return error
        except CONNECTION_ERRORS:
            return None
        except ListenerError:
            return None
        finally:
            await close(connection)
    return None
