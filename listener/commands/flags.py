"""Commands: settings as flags, and a connection."""

import inspect
import io
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Protocol, cast, get_args, get_origin

import anyio
import asyncpg
import typer

from listener.catalogue.rights import mend_of_lacking
from listener.commands.failures import of_statement
from listener.database.connection import Connection
from listener.database.driver_errors import DRIVER_ERRORS, hidden_table
from listener.database.holders import named_if_in_the_way
from listener.database.silence import connected, until_up
from listener.errors import Blinded, LostConnection, MayNot
from listener.reasons import reason
from listener.settings import ADMIN, MAPPING, PREFIX, Settings, load

MAY_READ = """
select pg_catalog.bool_or(pg_catalog.has_table_privilege(class.oid, 'select'))
from pg_catalog.pg_class as class
where class.relname::text = $1 and class.relrowsecurity
"""

GIVEN = ("connection", "settings")
"""Parameters of a command's function that are no flags."""

CONNECTION = ("database_url", "database_url_file", *ADMIN)
METAVARS = {
    "default_course": "KEY",
    "_url": "URL",
    "_table": "TABLE",
    "_values": "VALUES",
    "_predicate": "CONDITION",
    "_query": "QUERY",
    "_view": "QUERY",
    "_days": "DAYS",
    "_value": "VALUE",
    "_hosts": "NAMES",
    "_columns": "COLUMNS",
    **dict.fromkeys(("_key", "_column", "_profile", "_course", "_status", "_price", "_seats"), "COLUMN"),
}
DAEMON = tuple(name for name in Settings.model_fields if name not in (*MAPPING, *ADMIN))
"""Settings of `listener run`: those of the mapping are `install`'s."""


class Command(Protocol):
    of_one: Callable[[Settings, dict[str, Any]], None]
    """Runs it with these settings and all other flags. Raises typer.Exit for a status that is not 0."""

    def __call__(self, **flags: Any) -> None:
        """By its flags."""


WAIT = inspect.Parameter(
    "up",
    inspect.Parameter.KEYWORD_ONLY,
    default=0.0,
    annotation=Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="Wait so long for a database that is not up yet.")
    ],
)


def takes_settings(*names: str, as_owner: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each of these settings; its function gets the settings first, `as_owner` with the
    owner's address, if there is one."""
    return lambda function: _with_flags(
        function, names, lambda settings, rest: function(settings.as_owner() if as_owner else settings, **rest)
    )


def prints_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command whose output has no form of its own for programs the flag --json: its lines, and its status."""

    @wraps(command)
    def wrapped(*, as_json: bool, **arguments: Any) -> Any:
        if not as_json:
            return command(**arguments)
        written, status = io.StringIO(), 0
        try:
            with redirect_stdout(written):
                command(**arguments)
        except typer.Exit as ended:
            status = ended.exit_code
        sys.stdout.write(json.dumps({"says": written.getvalue().splitlines(), "exit_status": status}) + "\n")
        raise typer.Exit(status)

    flag = Annotated[bool, typer.Option("--json", help="Print JSON: the lines that would be printed.")]
    asked = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=flag)
    given = inspect.signature(command).parameters.values()
    wrapped.__signature__ = inspect.Signature([*given, asked])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {**command.__annotations__, "as_json": flag}
    return wrapped


def command(
    *names: str,
    only_looks: bool | Callable[[dict[str, Any]], bool] = False,
    may_wait: bool = False,
    check: Callable[[dict[str, Any]], None] = lambda _flags: None,
) -> Callable[[Callable[..., Awaitable[int | None]]], "Command"]:
    """Make a command of an async function. It gets a connection (and `settings`, if it has a parameter of that name)
    and returns the exit status. Each of the named settings is a flag. With `only_looks`, which may depend on other
    flags, the session changes nothing. With `may_wait` there is a flag to wait for a database that is not up. `check`
    raises for flags that cannot be, before there is a connection. Raises MayNot, Blinded, StatementFailed."""

    def decorate(function: Callable[..., Awaitable[int | None]]) -> Command:
        parameters = inspect.signature(function).parameters

        def run(settings: Settings, rest: dict[str, Any]) -> None:
            check(rest)
            looks = only_looks if isinstance(only_looks, bool) else only_looks(rest)
            settings = settings.as_owner()
            if "settings" in parameters:
                rest["settings"] = settings
            up = rest.pop("up", 0.0)
            status = anyio.run(_on_connection, settings.url(), partial(function, **rest), looks, up)
            if status:
                raise typer.Exit(status)

        flagged = _with_flags(function, names, run, (WAIT,) if may_wait else ())
        made: Any = flagged if "as_json" in parameters else prints_json(flagged)
        made.of_one = run
        return cast("Command", made)

    return decorate


def _with_flags(
    function: Callable[..., Any],
    names: tuple[str, ...],
    run: Callable[[Settings, dict[str, Any]], Any],
    more: tuple[inspect.Parameter, ...] = (),
) -> Callable[..., Any]:
    """A command with a flag for each setting, for each further parameter of `function`, and `more`."""
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
                    metavar=_metavar(name),
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

    parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *more, *flags]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _metavar(name: str) -> str:
    """What help shows in the place of a setting's value: its choices, or what kind of thing it is."""
    kinds = [each for each in get_args(Settings.model_fields[name].annotation) if each is not type(None)]
    kind = kinds[0] if kinds else Settings.model_fields[name].annotation
    if get_origin(kind) is Literal:
        kinds = list(get_args(kind))
    if kinds and isinstance(kinds[0], str):
        return f"[{'|'.join(kinds)}]"
    if kind is bool:
        return "[true|false]"
    by_name = next((metavar for end, metavar in METAVARS.items() if name.endswith(end)), "TEXT")
    return {Path: "FILE", float: "SECONDS", int: "NUMBER"}.get(cast("type", kind), by_name)


async def _on_connection(
    url: str | None, work: Callable[[Connection], Awaitable[int | None]], only_looks: bool, wait_seconds: float
) -> int | None:
    await until_up(url, wait_seconds)
    async with connected(url, only_looks=only_looks) as connection:
        try:
            async with named_if_in_the_way(connection):
                return await work(connection)
        except DRIVER_ERRORS as error:
            if connection.is_closed():
                raise LostConnection(reason=reason(error)) from error
            if isinstance(error, asyncpg.InsufficientPrivilegeError):
                await _tell_of_rights(connection, error)
            if isinstance(error, asyncpg.PostgresError):  # an unforeseen error
                raise of_statement(error) from error
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
        mend=await mend_of_lacking(connection, "use the address of the tables' owner, who ran `listener install`"),
    ) from error
