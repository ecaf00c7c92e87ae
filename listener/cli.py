"""The `listener` command."""

import inspect
import re
import sys
from functools import partial
from importlib.util import find_spec
from typing import Annotated

import anyio
import typer

from listener import __version__, logs
from listener.adapter import commands as attaching
from listener.daemon import commands as pausing
from listener.errors import ListenerError
from listener.flags import CONNECTION, DAEMON, takes_settings
from listener.monitor import explanation_view, status_view
from listener.repair import commands as repairing
from listener.settings import Settings

app = typer.Typer(
    name="listener",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it draws boxes
    help="Enrolls new students and keeps course counts exact, by listening to Postgres.",
)


@app.command(epilog="Example: listener run --database-url postgresql://listener@db.example.com/lms")
@takes_settings(*DAEMON)
def run(settings: Settings) -> None:
    """Run the daemon, until SIGTERM or Ctrl-C."""
    from listener.daemon import process

    log = logs.configure(settings.log_level, settings.log_format)
    anyio.run(process.run, settings, log, backend_options={"use_uvloop": find_spec("uvloop") is not None})


app.command(epilog="Example: listener install --print > review.sql")(attaching.install)
app.command(epilog="Example: listener uninstall")(attaching.uninstall)
app.command(epilog="Example: listener diagnose --json")(repairing.diagnose)
app.command(epilog="Example: listener sync --dry-run")(repairing.sync)
app.command(epilog="Example: listener pending retry")(repairing.pending)
app.command(epilog="Example: listener explain 4711")(explanation_view.explain)
app.command(epilog="Example: listener pause enroll --reason 'bulk import'")(pausing.pause)
app.command(epilog="Example: listener resume enroll")(pausing.resume)
app.command(epilog="Example: listener replay welcome --since '1 hour'")(pausing.replay)


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
            partial(status_view.show, settings.url(), as_json=as_json, full=full, every=every if watch else None)
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
    from listener.demo import demo as showing

    anyio.run(showing.show, seconds, rate)


for each in app.registered_commands:
    # The list of commands cuts off, in the middle of a sentence, what is not given as short.
    each.short_help = re.split(r"\.(?:\s|$)", inspect.cleandoc(each.callback.__doc__ or ""))[0] + "."


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
