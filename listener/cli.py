"""The `listener` command."""

import atexit
import inspect
import logging
import os
import re
import sys
import warnings
from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO, cast

import anyio
import typer

from listener import logs
from listener.build import VERSION
from listener.commands.failures import EXPECTED, told
from listener.commands.flags import CONNECTION, DAEMON, prints_json, takes_settings
from listener.errors import ListenerError
from listener.log_writer import LogWriter, hold_standard_streams
from listener.settings import MAPPING, Settings
from listener.texts import escaped


@takes_settings(*DAEMON)
def run(settings: Settings) -> None:
    """Run the daemon, until SIGTERM or Ctrl-C."""
    writer = LogWriter()
    atexit.register(writer.finish)  # for text written after `main`
    sys.stderr = cast("TextIO", writer)
    log = logs.configure(settings.log_level, settings.log_format)
    if settings.fleet is None:
        from listener.daemon import process

        serve: Callable[[], Awaitable[None]] = partial(process.run, settings, log, writer=writer)
    else:
        from listener.fleet import process as fleet_process

        serve = partial(fleet_process.run, settings, log, writer=writer)
    anyio.run(serve, backend_options={"use_uvloop": find_spec("uvloop") is not None})


@takes_settings(*CONNECTION, as_owner=True)
def status(
    settings: Settings,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Count students and check every course: reads it all.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking, until Ctrl-C.")] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds between two looks of --watch.", min=0.1)
    ] = 2.0,
) -> None:
    """Who leads, what is left to do, who waits."""
    from listener.commands import status_view

    try:
        code = anyio.run(
            partial(status_view.show, settings.url(), as_json=as_json, full=full, every=every if watch else None)
        )
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)


def demo(
    *,
    seconds: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after so many seconds.", min=1)] = None,
    rate: Annotated[float, typer.Option(metavar="NUMBER", help="Sign-ups a second.", min=0.1, max=1000)] = 2.0,
) -> None:
    """See it work: a Postgres of its own, a sample LMS, the real daemon, live sign-ups. Needs no settings."""
    from listener.demo import demo as showing

    anyio.run(showing.show, seconds, rate)


@prints_json
@takes_settings(*MAPPING)
def try_(
    settings: Settings,
    *,
    schema: Annotated[
        str, typer.Argument(help="A dump, a script, or a folder of migrations in SQL; `-` is standard input.")
    ],
    accept_guesses: Annotated[
        bool, typer.Option("--accept-guesses", help="Where something cannot be told, guess as `install` would.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Disable triggers that enroll or count, as `install` would.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Say of each part why it was taken for that.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="FILE", help="Write the structure alone into this file, to be sent to others."
        ),
    ] = None,
) -> None:
    """Try a schema without its database: in a Postgres of its own, what would be found, and what would happen to two
    who sign up. Nothing leaves this machine."""
    from listener.commands.schema import guesses
    from listener.discovery.discovery import given
    from listener.trial import sources, trial

    try:
        wanted = trial.Wanted(
            sources.read(schema),
            given(settings) | guesses(accept_guesses),
            take_over=take_over,
            report=report,
            why=why,
        )
        code = anyio.run(trial.show, wanted)
    except KeyboardInterrupt:  # before there was anything to stop
        code = trial.INTERRUPTED
    raise typer.Exit(code)


def version(value: bool) -> None:
    if value:
        sys.stdout.write(f"enrollment-listener {VERSION}\n")
        raise typer.Exit


def common(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Enrolls new students and keeps course counts exact, by listening to Postgres."""


EXAMPLE = (
    "listener run --database-url 'postgresql://listener@db.example.com/lms?sslmode=verify-full&sslrootcert=system'"
)

COMMANDS: dict[str, tuple[Callable[..., Any] | str, str]] = {
    "run": (run, EXAMPLE),
    "install": ("schema.install", "listener install --print > review.sql"),
    "rule": ("schema.rule", "listener rule > who_is_where.sql"),
    "uninstall": ("schema.uninstall", "listener uninstall"),
    "diagnose": ("repair.diagnose", "listener diagnose --json"),
    "sync": ("repair.sync", "listener sync --dry-run"),
    "pending": ("repair.pending", "listener pending retry"),
    "release": ("release.release", "listener release --dry-run"),
    "explain": ("explanation_view.explain", "listener explain 4711"),
    "wait": ("waiting.wait", "listener wait 4711 --timeout 10"),
    "history": ("history.history", "listener history 4711 --since '1 week'"),
    "undo": ("undoing.undo", "listener undo --since '1 hour' --dry-run"),
    "forget": ("forgetting.forget", "listener forget 4711"),
    "pause": ("daemon.pause", "listener pause enroll --reason 'bulk import'"),
    "resume": ("daemon.resume", "listener resume enroll"),
    "replay": ("daemon.replay", "listener replay welcome --since '1 hour'"),
    "status": (status, "listener status --watch"),
    "demo": (demo, "listener demo --rate 20 --seconds 30"),
    "try": (try_, "pg_dump --schema-only lms | listener try -"),
}
"""Each with an example. Where a function is only named, with its module in `commands`, nothing is imported for it until
it is asked for: a daemon is a tenth smaller, and `status` starts in half the time."""

FLEET = "fleet"
"""A group of commands."""


@cache
def command(only: str | None = None) -> Callable[[], Any]:
    """All commands and flags, as parsed; or `only` one of them."""
    app = typer.Typer(
        name="listener",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # it draws boxes
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Enrolls new students and keeps course counts exact, by listening to Postgres.",
    )
    app.callback()(common)
    for name, (function, example) in COMMANDS.items():
        if only in (None, name):
            app.command(name, epilog=f"Example: {example}")(_imported(function))
    described = app.registered_commands
    if only in (None, FLEET):
        from listener.fleet import commands as of_many

        app.add_typer(of_many.app, name=FLEET)
        described = [*described, *of_many.app.registered_commands]
    for each in described:
        # Without a short help the list of commands cuts the long one in the middle of a sentence.
        each.short_help = re.split(r"\.(?:\s|$)", inspect.cleandoc(each.callback.__doc__ or ""))[0] + "."
    return typer.main.get_command(app)


def _imported(function: Callable[..., Any] | str) -> Callable[..., Any]:
    if not isinstance(function, str):
        return function
    module, name = function.split(".")
    return cast("Callable[..., Any]", getattr(import_module(f"listener.commands.{module}"), name))


def _asked_for() -> str | None:
    """The command that the arguments begin with; None if they begin with anything else."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    return first if first in (*COMMANDS, FLEET) else None


def main() -> None:
    """A user's mistake is a single line, never a traceback."""
    hold_standard_streams()
    warnings.formatwarning = lambda message, *_: f"listener: {message}\n"  # of the driver's: about a file of passwords
    logging.getLogger("asyncio").addFilter(logs.concerns_somebody)
    try:
        try:
            command(_asked_for())()
        finally:
            sys.stdout.flush()  # otherwise what is short is written after all of this
    except BrokenPipeError:
        _write_no_more()
        sys.exit(1)
    except EXPECTED as error:
        _fail(*told(error))
    except OSError as error:  # a full disk
        _write_no_more()
        what = "write" if error.filename is None else f"use {error.filename}"
        _fail([f"cannot {what}: {error.strerror}."], ListenerError.exit_status)
    finally:
        if hasattr(sys.stderr, "finish"):
            sys.stderr.finish()


def _write_no_more() -> None:
    """What could not be written is not tried again at the end, when Python would tell of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _fail(lines: list[str], status: int) -> NoReturn:
    """A single line, as a rule: in the log's form, if the daemon cannot start and the log is JSON."""
    if sys.argv[1:2] == ["run"] and logs.is_json(sys.argv, os.environ):
        logs.configure("error", "json").error(logs.Event.START_FAILED, error=lines[0], exit_status=status)
    else:
        sys.stderr.write("listener: " + "\n".join(map(escaped, lines)) + "\n")
    sys.exit(status)
