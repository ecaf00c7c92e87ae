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
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO, cast

import anyio
import typer

from listener import logs
from listener.build import VERSION
from listener.commands import daemon as pausing
from listener.commands import explanation_view, forgetting, status_view, undoing, waiting
from listener.commands import history as remembering
from listener.commands import release as releasing
from listener.commands import repair as repairing
from listener.commands import schema as attaching
from listener.commands.failures import EXPECTED, told
from listener.commands.flags import CONNECTION, DAEMON, prints_json, takes_settings
from listener.discovery.discovery import given
from listener.errors import ListenerError
from listener.fleet import commands as of_many
from listener.log_writer import LogWriter, hold_standard_streams
from listener.settings import MAPPING, Settings
from listener.texts import escaped

app = typer.Typer(
    name="listener",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it draws boxes
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Enrolls new students and keeps course counts exact, by listening to Postgres.",
)


EXAMPLE = (
    "listener run --database-url 'postgresql://listener@db.example.com/lms?sslmode=verify-full&sslrootcert=system'"
)


@app.command(epilog=f"Example: {EXAMPLE}")
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


app.command(epilog="Example: listener install --print > review.sql")(attaching.install)
app.command(epilog="Example: listener rule > who_is_where.sql")(attaching.rule)
app.command(epilog="Example: listener uninstall")(attaching.uninstall)
app.command(epilog="Example: listener diagnose --json")(repairing.diagnose)
app.command(epilog="Example: listener sync --dry-run")(repairing.sync)
app.command(epilog="Example: listener pending retry")(repairing.pending)
app.command(epilog="Example: listener release --dry-run")(releasing.release)
app.command(epilog="Example: listener explain 4711")(explanation_view.explain)
app.command(epilog="Example: listener wait 4711 --timeout 10")(waiting.wait)
app.command(epilog="Example: listener history 4711 --since '1 week'")(remembering.history)
app.command(epilog="Example: listener undo --since '1 hour' --dry-run")(undoing.undo)
app.command(epilog="Example: listener forget 4711")(forgetting.forget)
app.command(epilog="Example: listener pause enroll --reason 'bulk import'")(pausing.pause)
app.command(epilog="Example: listener resume enroll")(pausing.resume)
app.command(epilog="Example: listener replay welcome --since '1 hour'")(pausing.replay)


@app.command(epilog="Example: listener status --watch")
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
    try:
        code = anyio.run(
            partial(status_view.show, settings.url(), as_json=as_json, full=full, every=every if watch else None)
        )
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)


@app.command(epilog="Example: listener demo --rate 20 --seconds 30")
def demo(
    *,
    seconds: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after so many seconds.", min=1)] = None,
    rate: Annotated[float, typer.Option(metavar="NUMBER", help="Sign-ups a second.", min=0.1, max=1000)] = 2.0,
) -> None:
    """See it work: a Postgres of its own, a sample LMS, the real daemon, live sign-ups. Needs no settings."""
    from listener.demo import demo as showing

    anyio.run(showing.show, seconds, rate)


@app.command(name="try", epilog="Example: pg_dump --schema-only lms | listener try -")
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
    from listener.trial import sources, trial

    try:
        wanted = trial.Wanted(
            sources.read(schema),
            given(settings) | attaching.guesses(accept_guesses),
            take_over=take_over,
            report=report,
            why=why,
        )
        code = anyio.run(trial.show, wanted)
    except KeyboardInterrupt:  # before there was anything to stop
        code = trial.INTERRUPTED
    raise typer.Exit(code)


app.add_typer(of_many.app, name="fleet")


for each in (*app.registered_commands, *of_many.app.registered_commands):
    # Without a short help the list of commands cuts the long one in the middle of a sentence.
    each.short_help = re.split(r"\.(?:\s|$)", inspect.cleandoc(each.callback.__doc__ or ""))[0] + "."


def version(value: bool) -> None:
    if value:
        sys.stdout.write(f"enrollment-listener {VERSION}\n")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Enrolls new students and keeps course counts exact, by listening to Postgres."""


@cache
def command() -> Callable[[], Any]:
    """All commands and flags, as parsed."""
    return typer.main.get_command(app)


def main() -> None:
    """A user's mistake is a single line, never a traceback."""
    hold_standard_streams()
    warnings.formatwarning = lambda message, *_: f"listener: {message}\n"  # of the driver's: about a file of passwords
    logging.getLogger("asyncio").addFilter(logs.concerns_somebody)
    try:
        try:
            command()()
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
