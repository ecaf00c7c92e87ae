"""Commands: settings as flags, and a connection of their own."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any, NoReturn, Protocol, cast

import anyio
import asyncpg
import typer

from listener.database.connection import Connection
from listener.database.driver_errors import DRIVER_ERRORS, hidden_table
from listener.database.holders import named_if_in_the_way
from listener.database.silence import connected
from listener.errors import Blinded, LostConnection, MayNot, StatementFailed
from listener.reasons import reason
from listener.settings import MAPPING, PREFIX, Settings, load

MAY_READ = """
select pg_catalog.bool_or(pg_catalog.has_table_privilege(class.oid, 'select'))
from pg_catalog.pg_class as class
where class.relname::text = $1 and class.relrowsecurity
"""

GIVEN = ("connection", "settings")
"""Parameters of a command's function that are no flags."""

CONNECTION = ("database_url", "database_url_file")
DAEMON = tuple(name for name in Settings.model_fields if name not in MAPPING)
"""Settings of `listener run`: those of the mapping are `install`'s."""


class Command(Protocol):
    of_one: Callable[[Settings, dict[str, Any]], None]
    """Runs it with these settings and all other flags. Raises typer.Exit for a status that is not 0."""

    def __call__(self, **flags: Any) -> None:
        """By its flags."""


def takes_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each of these settings; its function gets the settings first."""
    return lambda function: _with_flags(function, names, lambda settings, rest: function(settings, **rest))


def command(
    *names: str,
    only_looks: bool | Callable[[dict[str, Any]], bool] = False,
    check: Callable[[dict[str, Any]], None] = lambda _flags: None,
) -> Callable[[Callable[..., Awaitable[int | None]]], "Command"]:
    """Make a command of an async function. It gets a connection (and `settings`, if it has a parameter of that name)
    and returns the exit status. Each of the named settings is a flag. With `only_looks`, which may depend on other
    flags, the session changes nothing. `check` raises for flags that cannot be, before there is a connection. Raises
    MayNot, Blinded, StatementFailed."""

    def decorate(function: Callable[..., Awaitable[int | None]]) -> Command:
        def run(settings: Settings, rest: dict[str, Any]) -> None:
            check(rest)
            looks = only_looks if isinstance(only_looks, bool) else only_looks(rest)
            if "settings" in inspect.signature(function).parameters:
                rest["settings"] = settings
            status = anyio.run(_on_connection, settings.url(), partial(function, **rest), looks)
            if status:
                raise typer.Exit(status)

        made: Any = _with_flags(function, names, run)
        made.of_one = run
        return cast("Command", made)

    return decorate


def _with_flags(
    function: Callable[..., Any], names: tuple[str, ...], run: Callable[[Settings, dict[str, Any]], Any]
) -> Callable[..., Any]:
    """A command with a flag for each setting, and for each further parameter of `function`."""
    own = [each for each in inspect.signature(function).parameters.values() if each.name not in GIVEN]
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(
                    f"--{name.replace('_', '-')}",
                    help=f"{Settings.model_fields[name].description} ({PREFIX}{name.upper()})",
                    show_default=False,
                ),
            ],
        )
        for name in names
    ]

    @wraps(function)
    def wrapped(**arguments: Any) -> Any:
        settings = load({name: arguments.pop(name) for name in names})
        return run(settings, arguments)

    parameters = [*(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *flags]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


async def _on_connection(
    url: str | None, work: Callable[[Connection], Awaitable[int | None]], only_looks: bool
) -> int | None:
    async with connected(url, only_looks=only_looks) as connection:
        try:
            async with named_if_in_the_way(connection):
                return await work(connection)
        except DRIVER_ERRORS as error:
            if connection.is_closed():
                raise LostConnection(reason=reason(error)) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                await _tell_of_rights(connection, error)
            if isinstance(error, asyncpg.PostgresError):  # an unforeseen one
                raise StatementFailed(reason=reason(error), sqlstate=error.sqlstate) from error
            raise


async def _tell_of_rights(connection: Connection, error: asyncpg.InsufficientPrivilegeError) -> NoReturn:
    """Raise Blinded, MayNot."""
    role = await connection.fetchval("select session_user")
    hidden = hidden_table(error)
    if hidden is not None and await connection.fetchval(MAY_READ, hidden):
        raise Blinded(tables=hidden, role=role, does="looks at them") from error
    raise MayNot(
        role=role,
        action=f"do this ({reason(error)})",
        mend="use the address of the tables' owner, who ran `listener install`",
    ) from error
