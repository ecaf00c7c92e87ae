"""Whether a daemon's role could work at all, and how safe the way there is."""

import anyio

from listener import url_parameters
from listener.catalogue import installation, rights, schema_check, subscriptions
from listener.catalogue.installation import Installation
from listener.database.connection import Connection, close, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.errors import ListenerError, MayNot, SchemaOfAnother, SchemaTaken
from listener.logs import Event, Logger
from listener.settings import Settings
from listener.transport import weakness

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
                await check(connection)
        except (MayNot, SchemaOfAnother, SchemaTaken) as error:
            return error
        except CONNECTION_ERRORS:
            return None
        except ListenerError:
            return None
        finally:
            await close(connection)
    return None


async def check(connection: Connection) -> Installation:
    """The installation, if a daemon can work with it on this connection. Raises NotInstalled, WrongVersion,
    SchemaTaken, SchemaOfAnother, Subscribed, MayNot."""
    found = None
    if await schema_check.is_there(connection):
        await rights.check_runtime(connection)  # before anything there is read
        found = await installation.recorded(connection)
    installed = await installation.usable(connection, found)
    await subscriptions.refuse(connection)
    return installed


async def warn_of_the_way_there(url: str | None, log: Logger) -> None:
    """Before the password is sent for the first time."""
    ignored = url_parameters.passed_over(url)
    if ignored:
        log.warning(Event.PARAMETERS_IGNORED, parameters=ignored)
    weak = await weakness(url)
    if weak is not None:
        log.warning(
            Event.CONNECTION_UNVERIFIED,
            hosts=list(weak.hosts),
            sslmode=weak.sslmode,
            problem=weak.problem,
            mend=weak.mend,
        )
