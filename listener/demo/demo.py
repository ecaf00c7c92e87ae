"""`listener demo`: the real commands and the real daemon, on a temporary Postgres, with live sign-ups to watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
import asyncpg
from rich.console import Console
from rich.live import Live

from listener import sql
from listener.commands import printing
from listener.database.connection import Connection, close
from listener.demo import figures, processes
from listener.demo.embedded import Embedded, postgres, temporary_folder
from listener.demo.interruption import until_interrupted
from listener.numerals import counted

RULE = ("--on-leave", "suspend", "--inactive-value", "suspended", "--brake", "none")
"""More leave here in ten minutes than in a school."""

LINE_SECONDS = 1.0
REDRAW_SECONDS = 0.25
SIGN_UP_SECONDS = 10.0


async def show(seconds: float | None, rate: float) -> None:
    """Run the demo until a signal, or for `seconds` of live sign-ups, `rate` a second. Raises MissingExtra,
    EmbeddedPostgresFailed or DemoFailed."""
    console = printing.console()
    await until_interrupted(partial(_Demo(console, rate).run, seconds))
    console.print("Stopped: the daemon, Postgres and its temporary folder are gone.")


@dataclass
class _Demo:
    console: Console
    rate: float
    signed_up: int = 0

    async def run(self, seconds: float | None) -> None:
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
        before = await figures.state(connection)
        await processes.command(self.console, server, folder, "install", *RULE, "--wanted-query", figures.wanted())
        await processes.command(self.console, server, folder, "sync")
        self.console.print()
        figures.before_and_after(before, await figures.state(connection))
        async with processes.daemon(self.console, server, folder) as port:
            self._tell_where_to_look(server, folder, port)
            with anyio.move_on_after(seconds):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._sign_up, connection)
                    tasks.start_soon(self._watch, server, port)
            await self._conclude(connection)

    def _tell_where_to_look(self, server: Embedded, folder: Path, port: int) -> None:
        self.console.print(
            f"\nLive: {self.rate:g} sign-ups a second, each a plain `insert into profiles`. Every third takes\n"
            "the gold plan, every other of these gives it up again. Ctrl-C stops everything.\n"
            f"  status page  http://127.0.0.1:{port}/\n"
            f"  metrics      http://127.0.0.1:{port}/metrics\n"
            f"  log          {folder / 'daemon.log'}\n"
            f"  the database {server.programs / 'psql'} '{server.url}'\n",
            soft_wrap=True,
        )

    async def _sign_up(self, connection: Connection) -> None:
        started = anyio.current_time()
        statement = await connection.prepare(sql.read("demo/school", "sign_up"))
        while True:
            await anyio.sleep_until(started + self.signed_up / self.rate)
            with anyio.fail_after(SIGN_UP_SECONDS, shield=True):  # what the server commits is counted, to the last
                await statement.fetch(self.signed_up + 1)
                self.signed_up += 1

    async def _watch(self, server: Embedded, port: int) -> None:
        """Show figures, read on a second connection."""
        async with _connection(server.url) as connection:
            if printing.width(self.console) is not None:
                with Live(console=self.console, auto_refresh=False) as live:
                    while True:
                        live.update(
                            figures.live_table(await self._figures(connection, port), self.console), refresh=True
                        )
                        await anyio.sleep(REDRAW_SECONDS)
            while True:
                await anyio.sleep(LINE_SECONDS)
                shown = await self._figures(connection, port)
                self.console.print("  ".join(f"{name} {value}" for name, value in shown.items()), soft_wrap=True)

    async def _figures(self, connection: Connection, port: int) -> dict[str, str]:
        state = await figures.state(connection)
        p50 = await anyio.to_thread.run_sync(figures.reaction_p50, port, abandon_on_cancel=True)
        return {
            "sign-ups": str(self.signed_up),
            "active enrollments": str(state["active enrollments"]),
            "suspended": str(state["suspended enrollments"]),
            "count on the courses": str(state["count on the courses"]),
            "reaction p50": "-" if p50 is None else f"{p50 * 1000:.1f} ms",
        }

    async def _conclude(self, connection: Connection) -> None:
        await figures.caught_up(connection)
        state = await figures.state(connection)
        self.console.print(
            f"\n{counted(self.signed_up, 'sign-up')}; {counted(state['enrollments missing'], 'enrollment')} missing, "
            f"{state['enrollments not wanted']} not wanted any more; "
            f"{counted(state['active enrollments'], 'active enrollment')}, "
            f"and the courses say {state['count on the courses']}.",
            soft_wrap=True,
        )


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await close(connection)
