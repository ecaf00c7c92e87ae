"""Worker processes of others: started, waited for, killed, and asked what went wrong."""

import re
import select
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

PROJECT = Path(__file__).parents[1]
"""Where `python -m benchmarks.…` is found."""

ERROR = re.compile(r'^(?:ERROR |Traceback )|"level": ?"(?:error|critical)"', re.MULTILINE)


class Running(Protocol):
    """What is asked of a process."""

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""


class Worker(Protocol):
    """A process that enrolls."""

    @property
    def process(self) -> Running:
        """The process."""

    def kill(self) -> None:
        """`kill -9`."""

    def text(self) -> str:
        """All it has logged."""

    def clean_up(self) -> None:
        """Kill it if it still runs, and remove its log."""


class WorkerProcess:
    """A command that prints a line once it works, and logs to stderr: started, and waited for, when this is made."""

    def __init__(self, command: Sequence[str], *, seconds: float = 30) -> None:
        self._log = Path(tempfile.mkstemp(prefix="benchmark-log-")[1])
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(list(command), stdout=subprocess.PIPE, stderr=log, cwd=PROJECT)
        assert self.process.stdout is not None
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        if not ready or not self.process.stdout.readline():
            text = self.text()
            self.clean_up()
            raise RuntimeError(f"the worker does not start: {text}")

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(20)

    def text(self) -> str:
        """All it has logged."""
        return self._log.read_text(errors="replace")

    def clean_up(self) -> None:
        """Kill it if it still runs, and remove its log."""
        self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.unlink(missing_ok=True)


def errors(worker: Worker) -> int:
    """How many errors it has logged."""
    return len(ERROR.findall(worker.text()))
