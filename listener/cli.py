"""The `listener` command."""

import inspect
import sys
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.table import Table

from listener import __version__, logs
from listener import audit as auditing
from listener import install as installing
from listener import status as looking
from listener.connection import Connection, connected
from listener.discovery import discover
from listener.errors import ListenerError
from listener.settings import PREFIX, Settings, load

app = typer.Typer(
    name="listener",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Enrolls new students and keeps course counts exact, by listening to Postgres.",
)

CONNECTION = ("database_url", "database_url_file")
LOGS = ("log_level", "log_format")


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
                        help=f"{Settings.model_fields[name].description} [dim]\\[env: {PREFIX}{name.upper()}][/dim]",
                        show_default=False,
                        rich_help_panel="Settings",
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
            return await work(connection)

    return anyio.run(run)


@app.command(epilog="Example: listener run --database-url postgresql://listener@db.example.com/lms")
@takes_settings(*Settings.model_fields)
def run(settings: Settings) -> None:
    """Run the daemon, until SIGTERM or Ctrl-C."""
    from listener import process

    log = logs.configure(settings.log_level, settings.log_format)
    anyio.run(process.run, settings, log)


@app.command(epilog="Example: listener install --print > review.sql")
@takes_settings(*CONNECTION)
def install(
    settings: Settings,
    *,
    print_: Annotated[bool, typer.Option("--print", help="Print the SQL for review instead of running it.")] = False,
) -> None:
    """Install schema `listener` beside the LMS's tables, or upgrade it."""

    async def work(connection: Connection) -> None:
        mapping = await discover(connection)
        if print_:
            installed = await installing.installation(connection)
            sys.stdout.write(installing.script(mapping, installed.version if installed else 0))
            return
        table = Table("what", "found", title="The LMS in this database")
        for name, value in mapping.described():
            table.add_row(name, value)
        console().print(table)
        changed = await installing.install(connection, mapping)
        console().print("installed schema listener" if changed else "already installed: nothing to do")

    with_connection(settings, work)


@app.command(epilog="Example: listener uninstall")
@takes_settings(*CONNECTION)
def uninstall(settings: Settings) -> None:
    """Remove all that install added; the LMS's rows are never touched."""
    removed = with_connection(settings, installing.uninstall)
    console().print("removed schema listener" if removed else "nothing was installed")


@app.command(epilog="Example: listener sync")
@takes_settings(*CONNECTION)
def sync(settings: Settings) -> None:
    """Enroll students that were missed, and repair counts, while everything goes on."""

    async def work(connection: Connection) -> int:
        installed = await installing.require(connection)
        done = await auditing.enroll_missing(connection, installed.mapping)
        repairs = await auditing.repair_counts(connection)
        console().print(f"{done.enrolled} students enrolled, {done.pending} waiting, {len(repairs)} counts repaired")
        return 1 if done.pending else 0

    raise typer.Exit(with_connection(settings, work))


@app.command(epilog="Example: listener status --watch")
@takes_settings(*CONNECTION)
def status(
    settings: Settings,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Count students and check every course: reads it all.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks of --watch.", min=0.1)] = 2.0,
) -> None:
    """Who leads, what is left to do, who waits."""
    try:
        code = anyio.run(
            partial(looking.show, settings.url(), as_json=as_json, full=full, every=every if watch else None)
        )
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)


@app.command(epilog="Example: listener demo --rate 20 --seconds 30")
def demo(
    *,
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=1)] = None,
    rate: Annotated[float, typer.Option(help="Sign-ups a second.", min=0.1, max=1000)] = 2.0,
) -> None:
    """See it work: a Postgres of its own, a sample LMS, the real daemon, live sign-ups. Needs no settings."""
    from listener import demo as showing

    anyio.run(showing.show, seconds, rate)


def console() -> Console:
    """Standard output, as wide as it is."""
    return Console(highlight=False)


def version(value: bool) -> None:
    """`--version`."""
    if value:
        sys.stdout.write(f"enrollment-listener {__version__}\n")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Enrolls new students and keeps course counts exact, by listening to Postgres."""


def main() -> None:
    """Run the command; a mistake of the user's is one line, never a traceback."""
    try:
        app()
    except ListenerError as error:
        sys.stderr.write(f"listener: {error}\n")
        sys.exit(error.exit_status)
