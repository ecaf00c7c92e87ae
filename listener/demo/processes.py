"""The real commands and the real daemon, run as a user would."""

import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, STDOUT

import anyio
import anyio.abc
import anyio.to_thread
from rich.console import Console

from listener.demo.embedded import Embedded, clean_environment
from listener.errors import DemoFailed
from listener.settings import Settings

STOP_SECONDS = 15.0


async def command(console: Console, server: Embedded, folder: Path, name: str, *arguments: str) -> None:
    """Run a command that writes to our output."""
    shown = " ".join([name, *(f'"{each}"' if " " in each else each for each in arguments)])
    console.print(f"\n[bold]$ listener {shown}[/bold]", soft_wrap=True)
    sys.stdout.flush()
    process = await _spawn(server, folder, name, *arguments, stdout=None)
    async with process:
        status = await process.wait()
    if status != 0:
        raise DemoFailed(command=name, status=status, output="see above")


@asynccontextmanager
async def daemon(console: Console, server: Embedded, folder: Path) -> AsyncIterator[int]:
    """The daemon as a process, with the log in a file; stopped by SIGTERM at the end. Yields the HTTP port."""
    log = folder / "daemon.log"
    port = free_port()
    process = await _started(server, folder, port, log)
    if process.returncode is not None:  # the port was taken after the check
        port = free_port(any_will_do=True)
        process = await _started(server, folder, port, log)
    console.print(f"\n[bold]$ listener run --http-port {port}[/bold]")
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_fail_when_it_ends, process, log)
            await _ready(port)
            console.print("ready")
            yield port
            tasks.cancel_scope.cancel()
    finally:
        await _stop(process)


async def _started(server: Embedded, folder: Path, port: int, log: Path) -> anyio.abc.Process:
    """The daemon, once listening or ended."""
    with log.open("wb") as output:
        arguments = ("run", "--http-port", str(port), "--log-format", "json")
        process = await _spawn(server, folder, *arguments, stdout=output.fileno())
    told = anyio.Path(log)
    try:
        while process.returncode is None and '"starting"' not in await told.read_text():  # noqa: ASYNC110 - another process
            await anyio.sleep(0.02)
    except BaseException:
        await _stop(process)
        raise
    return process


async def _spawn(server: Embedded, folder: Path, *arguments: str, stdout: int | None) -> anyio.abc.Process:
    """In a session of its own: Ctrl-C reaches the demo alone, and the demo stops the rest."""
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
    """By SIGTERM, at last by SIGKILL."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
        with anyio.move_on_after(STOP_SECONDS):
            await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def _ready(port: int) -> None:
    """Wait for `/readyz`; cancelled if the daemon ends early."""
    while not await anyio.to_thread.run_sync(get, port, "/readyz"):  # noqa: ASYNC110 - another process
        await anyio.sleep(0.05)


def free_port(*, any_will_do: bool = False) -> int:
    """The daemon's default port if it is free, else any."""
    for port in (0,) if any_will_do else (Settings.model_fields["http_port"].default, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError


def get(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
    except OSError:
        return ""
    return body.decode()
