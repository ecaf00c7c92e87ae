"""A server that runs, and is of no use for a while: what its tests share."""

import time
from collections.abc import Callable

import anyio
import anyio.to_thread

from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

Start = Callable[..., DaemonProcess]

CONNECTIONS = 12
"""So many has the server."""

BACK_SECONDS = 5.0
"""Longest pause of a daemon that had worked, and a second."""

ENROLLED = "select count(*) from enrollments"
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1)"
END_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where application_name = 'listener' and datname = current_database()"
)
COMMANDS = ("status", "diagnose", "install")

QUICK: dict[str, object] = {"heartbeat_seconds": 0.5, "sample_seconds": 0.3}


async def seconds_until_ready(daemon: DaemonProcess) -> float:
    """Until it leads."""
    started = time.monotonic()
    await anyio.to_thread.run_sync(daemon.wait_ready, "leading")
    seconds = time.monotonic() - started
    print(f"it leads after {seconds:.1f} s")
    return seconds


async def says(daemon: DaemonProcess, words: str) -> None:
    """Wait until `/readyz` does."""

    def holds() -> bool:
        return words in daemon.get("/readyz")[1]

    what = f"/readyz says {words!r}; the log:\n{daemon.text()}"
    await anyio.to_thread.run_sync(lambda: wait_until(holds, what, 30.0))


async def logs(daemon: DaemonProcess, words: str) -> None:
    """Wait until the log has them."""
    what = f"the log says {words!r}"
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: words in daemon.text(), what))


def each_ends_in_a_line(url: str, words: str) -> None:
    """Each command, with exit status 2."""
    for command in COMMANDS:
        done = listener(url, command, check=False)
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        (line,) = done.stderr.splitlines()
        assert words in line, (command, line)
