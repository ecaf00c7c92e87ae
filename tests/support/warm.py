"""The `listener` command as a process that need not import itself first: forked from one that has.

It is the same `main()`, with a process, signals, streams and an exit status of its own. What a cold start is like is
tested where it matters: the tests of stopping, the demo, the wheel and the image start `python -m listener`, and so do
all tests of faults in the long form."""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

WARM = (
    "listener.__main__",
    "listener.daemon.process",
    "listener.fleet.process",
    "listener.fleet.workers",
    "tests.support.warm",
    "tests.support.warm_start",
)
PATH = os.environ.get("PYTHONPATH")
UNKNOWN = 255


def serves(environment: dict[str, str]) -> bool:
    """Whether a command with this environment is the one that was imported: another path may lead to another."""
    return environment.get("PYTHONPATH") == PATH


class WarmProcess:
    """A running `listener` command, with those methods of `subprocess.Popen` that tests use."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(WARM))
        self._arguments = arguments
        self._ending, told = context.Pipe(duplex=False)
        self._status: int | None = None
        self._process = context.Process(target=_become, args=(arguments, environment, out, err, told), daemon=True)
        self._process.start()
        told.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, or the negative number of the signal that ended it; None while it runs. (The process that
        forks may end before it has told of a status: multiprocessing says 255 then, and the pipe knows.)"""
        code = self._process.exitcode
        if code == UNKNOWN and self._status is None:
            with contextlib.suppress(EOFError):
                self._status = self._ending.recv()
        return code if self._status is None else self._status

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit status, once it has ended. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(["listener", *self._arguments], timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)


def run(arguments: tuple[str, ...], environment: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, which must come within `timeout` seconds."""
    with tempfile.TemporaryDirectory(prefix="listener-command-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = WarmProcess(arguments, environment, out, err)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(["listener", *arguments], status, out.read_text(), err.read_text())


def run_here(arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in this process: of thousands of runs each costs a fifth of what a process of its own does."""
    from listener.cli import main

    before, status = dict(os.environ), 0
    out, err = io.StringIO(), io.StringIO()
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, arguments_before = ["listener", *arguments], sys.argv
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            except Exception:  # noqa: BLE001 - the caller sees the traceback
                status = 1
                traceback.print_exc()
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.argv = arguments_before
    return subprocess.CompletedProcess(["listener", *arguments], status, out.getvalue(), err.getvalue())


def _become(arguments: tuple[str, ...], environment: dict[str, str], out: Path, err: Path, ending: Connection) -> None:
    """Be the `listener` command, in a process that was forked for it."""
    from listener.cli import main

    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, stream.fileno())
        os.close(opened)
    vars(multiprocessing.current_process())["_config"]["daemon"] = False  # a command may have processes of its own
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(tempfile.gettempdir())
    sys.argv = ["listener", *arguments]
    try:
        main()
    except SystemExit as end:
        ending.send(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise
    except BaseException:
        # What was put in the place of stderr is not written out by a process that multiprocessing ends.
        with err.open("a") as plain:
            traceback.print_exc(file=plain)
        raise
