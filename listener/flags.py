"""What commands share: settings as flags, a connection of their own, standard output."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any

import anyio
import asyncpg
import typer

from listener.connection import Connection, connected
from listener.errors import MayNot
from listener.settings import MAPPING, PREFIX, Settings, load

CONNECTION = ("database_url", "database_url_file")
DAEMON = tuple(name for name in Settings.model_fields if name not in MAPPING)
"""The settings of `listener run`: what the LMS looks like was said to `install`."""


def takes_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each of these settings; its function gets the settings themselves, first."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
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
        def command(**arguments: Any) -> Any:
            settings = load({name: arguments.pop(name) for name in names})
            return function(settings, **arguments)

        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        command.__signature__ = inspect.Signature([*keyword_only, *flags])  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*keyword_only, *flags]}
        return command

    return decorate


def with_connection(settings: Settings, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    """Run `work` on a connection of its own."""

    async def run() -> Any:
        async with connected(settings.url(), application_name="listener-command") as connection:
            try:
                return await work(connection)
            except asyncpg.InsufficientPrivilegeError as error:
                raise MayNot(
                    role=await connection.fetchval("select session_user"),
                    action=f"do this ({error})",
                    mend="use the address of the tables' owner, who ran `listener install`",
                ) from error

    return anyio.run(run)
