"""`listener demo`: the real commands and the real daemon, on a Postgres of its own, with live sign-ups to watch."""

import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from subprocess import DEVNULL, STDOUT

import anyio
import anyio.abc
import anyio.to_thread
import asyncpg
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.table import Table

from listener import sql
from listener.connection import Connection, close
from listener.demo.embedded import Embedded, clean_environment, postgres, temporary_folder
from listener.errors import DemoFailed, ListenerError
from listener.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 15.0
CATCH_UP_SECONDS = 10.0
LINE_SECONDS = 1.0
REDRAW_SECONDS = 0.25


async def show(seconds: float | None, rate: float) -> None:
    """Run the demo until a signal, or for `seconds` of live sign-ups, `rate` of them a second.

    Raises MissingExtra, EmbeddedPostgresFailed or DemoFailed.
    """
    console = Console(highlight=False)
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_on_signal, signals, tasks.cancel_scope)
                await _Demo(console, rate).run(seconds)
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            mistake = _mistake(errors)
            if mistake is None:
                raise
            if not tasks.cancel_scope.cancel_called:  # what fails because it was interrupted is no failure
                raise mistake from None
        console.print("Stopped: the daemon, Postgres and its temporary folder are gone.")
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # nothing is left to stop: a late Ctrl-C is no failure


def _mistake(errors: BaseExceptionGroup[BaseException]) -> ListenerError | None:
    """The one error that is for the user to read, if that is all there was."""
    ours, others = errors.split(ListenerError)
    if ours is None or others is not None:
        return None
    first: BaseException = ours
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, ListenerError) else None


async def _cancel_on_signal(signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


@dataclass
class _Demo:
    """One run of the demo."""

    console: Console
    rate: float
    signed_up: int = 0

    async def run(self, seconds: float | None) -> None:
        """All of it, from an empty folder to one that is gone."""
        async with temporary_folder() as folder:
            self.console.print("Starting a Postgres of its own in a temporary folder …")
            async with (
                postgres(folder) as server,
                _connection(server.url) as connection,
            ):
                await connection.execute(sql.read("demo/lms"))
                await self._walk_through(server, connection, folder, seconds)

    async def _walk_through(
        self, server: Embedded, connection: Connection, folder: Path, seconds: float | None
    ) -> None:
        before = await _state(connection)
        await self._command(server, folder, "install")
        port = _free_port()
        async with self._daemon(server, folder, port):
            await self._command(server, folder, "sync")
            await _caught_up(connection)
            self.console.print()
            self.console.print(_before_and_after(before, await _state(connection)))
            self._tell_where_to_look(server, folder, port)
            with anyio.move_on_after(seconds):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._sign_up, connection)
                    tasks.start_soon(self._watch, server, port)
            await self._conclude(connection)

    async def _command(self, server: Embedded, folder: Path, name: str) -> None:
        """Run one of the commands as a user would, with its output in ours."""
        self.console.print(f"\n[bold]$ listener {name}[/bold]")
        sys.stdout.flush()
        process = await _spawn(server, folder, name, stdout=None)
        async with process:
            status = await process.wait()
        if status != 0:
            raise DemoFailed(command=name, status=status, output="see above")

    @asynccontextmanager
    async def _daemon(self, server: Embedded, folder: Path, port: int) -> AsyncIterator[None]:
        """The real daemon as a process, with its log in a file; stopped by SIGTERM at the end."""
        self.console.print(f"\n[bold]$ listener run --http-port {port}[/bold]")
        log = folder / "daemon.log"
        with log.open("wb") as output:
            arguments = ("run", "--http-port", str(port), "--log-format", "json")
            process = await _spawn(server, folder, *arguments, stdout=output.fileno())
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_fail_when_it_ends, process, log)
                await _ready(port)
                self.console.print("ready")
                yield
                tasks.cancel_scope.cancel()
        finally:
            await _stop(process)

    def _tell_where_to_look(self, server: Embedded, folder: Path, port: int) -> None:
        self.console.print(
            f"\nLive: {self.rate:g} sign-ups a second, each a plain `insert into profiles`. Ctrl-C stops everything.\n"
            f"  status page  http://127.0.0.1:{port}/\n"
            f"  metrics      http://127.0.0.1:{port}/metrics\n"
            f"  log          {folder / 'daemon.log'}\n"
            f"  the database {server.programs / 'psql'} '{server.url}'\n",
            soft_wrap=True,
        )

    async def _sign_up(self, connection: Connection) -> None:
        started = anyio.current_time()
        statement = await connection.prepare(sql.read("demo/sign_up"))
        while True:
            await anyio.sleep_until(started + self.signed_up / self.rate)
            await statement.fetch(self.signed_up + 1)
            self.signed_up += 1

    async def _watch(self, server: Embedded, port: int) -> None:
        """Show the figures, on a connection of their own."""
        async with _connection(server.url) as connection:
            if self.console.is_terminal:
                with Live(console=self.console, auto_refresh=False) as live:
                    while True:
                        live.update(_live_table(await self._figures(connection, port)), refresh=True)
                        await anyio.sleep(REDRAW_SECONDS)
            while True:
                await anyio.sleep(LINE_SECONDS)
                figures = await self._figures(connection, port)
                self.console.print("  ".join(f"{name} {value}" for name, value in figures.items()), soft_wrap=True)

    async def _figures(self, connection: Connection, port: int) -> dict[str, str]:
        state = await _state(connection)
        p50 = await anyio.to_thread.run_sync(_reaction_p50, port, abandon_on_cancel=True)
        return {
            "sign-ups": str(self.signed_up),
            "enrolled": str(state["active enrollments"]),
            "count on the course": str(state["count on the course"]),
            "reaction p50": "-" if p50 is None else f"{p50 * 1000:.1f} ms",
        }

    async def _conclude(self, connection: Connection) -> None:
        await _caught_up(connection)
        state = await _state(connection)
        self.console.print(
            f"\n{self.signed_up} sign-ups; {state['students without enrollment']} students without enrollment; "
            f"{state['active enrollments']} active enrollments, and the course says {state['count on the course']}.",
            soft_wrap=True,
        )


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await close(connection)


async def _spawn(server: Embedded, folder: Path, *arguments: str, stdout: int | None) -> anyio.abc.Process:
    """A `listener` command, in a session of its own: Ctrl-C reaches the demo alone, which then stops the rest."""
    return await anyio.open_process(
        [sys.executable, "-m", "listener", *arguments],
        stdin=DEVNULL,
        stdout=stdout,
        stderr=STDOUT if stdout is not None else None,
        cwd=folder,
        env=clean_environment() | {"LISTENER_DATABASE_URL": server.url, "PYTHONUTF8": "1"},
        start_new_session=True,
    )


async def _fail_when_it_ends(process: anyio.abc.Process, log: Path) -> None:
    status = await process.wait()
    raise DemoFailed(command="run", status=status, output=await anyio.Path(log).read_text(errors="replace"))


async def _stop(process: anyio.abc.Process) -> None:
    """End it with SIGTERM, or at last with SIGKILL; wait until it is gone."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
        with anyio.move_on_after(STOP_SECONDS):
            await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def _ready(port: int) -> None:
    """Wait until the daemon says that it is ready; its early end cancels this."""
    while not await anyio.to_thread.run_sync(_get, port, "/readyz"):  # noqa: ASYNC110 - another process
        await anyio.sleep(0.05)


async def _state(connection: Connection) -> dict[str, int]:
    row = await connection.fetchrow(sql.read("demo/state"))
    assert row is not None
    return {name.replace("_", " "): value for name, value in row.items()}


async def _caught_up(connection: Connection) -> None:
    """Wait until nothing is left to do, but not for ever: the demo shows what there is."""
    with anyio.move_on_after(CATCH_UP_SECONDS):
        while True:
            state = await _state(connection)
            if state["students without enrollment"] == 0 and (
                state["active enrollments"] == state["count on the course"]
            ):
                return
            await anyio.sleep(0.05)


def _before_and_after(before: dict[str, int], after: dict[str, int]) -> Table:
    table = Table("", "before", "after", title="The LMS before and after")
    for name, value in before.items():
        table.add_row(name, str(value), str(after[name]))
    return table


def _live_table(figures: dict[str, str]) -> Table:
    table = Table(*figures)
    table.add_row(*figures.values())
    return table


def _free_port() -> int:
    """The daemon's own port if it is free, else any."""
    for port in (Settings.model_fields["http_port"].default, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError


def _get(port: int, path: str) -> str:
    """What the daemon answers, or nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
    except OSError:
        return ""
    return body.decode()


def _reaction_p50(port: int) -> float | None:
    """Half of all reactions took at most so many seconds, read from the daemon's own histogram."""
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(_get(port, "/metrics"))
        for sample in family.samples
        if sample.name == "listener_reaction_seconds_bucket"
    ]
    half = buckets[-1][1] / 2 if buckets else 0
    if half == 0:
        return None
    for (lower, below), (upper, count) in pairwise([(0.0, 0.0), *buckets]):
        if count >= half:
            return lower if upper == float("inf") else lower + (upper - lower) * (half - below) / (count - below)
    return None
