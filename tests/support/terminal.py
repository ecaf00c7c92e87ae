"""A `listener` command in a terminal, as wide as one likes."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.support import warm
from tests.support.postgres import wait_until
from tests.support.process import environment

HEIGHT = 24
SURROUNDINGS = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS")
"""What a terminal's environment may say of it, besides TERM."""

ESCAPE = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")
STYLE = re.compile(r"\x1b\[([\d;]*)m")


@dataclass(frozen=True)
class Shown:
    """What a command has sent to the terminal."""

    status: int
    raw: str

    @property
    def text(self) -> str:
        """Without what is no letter: styles, and moves of the cursor."""
        return ESCAPE.sub("", self.raw).replace("\r\n", "\n")

    @property
    def styles(self) -> set[str]:
        """The parameters of all styles that were set, each alone: 1 is bold, 31 is red."""
        return {each for found in STYLE.findall(self.raw) for each in found.split(";")}


def in_terminal(
    url: str,
    *arguments: str,
    columns: int = 80,
    until: str | None = None,
    answer: str | None = None,
    **surroundings: str,
) -> Shown:
    """Run one `listener` command to its end, with these further environment variables. Once it has sent `until`, it
    gets this answer, or Ctrl-C."""
    clean = {name: value for name, value in environment(url).items() if name not in SURROUNDINGS}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, columns, 0, 0))
    seen: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, seen))
    reader.start()
    process = _start(arguments, clean | {"TERM": "xterm-256color"} | surroundings, theirs, asks=answer is not None)
    try:
        if until is not None:
            wait_until(lambda: until.encode() in b"".join(seen), f"it sends {until!r}")
            if answer is None:
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, answer.encode())
        status = process.wait(60)
    finally:
        process.kill()
        os.close(theirs)
        reader.join()
        os.close(ours)
    return Shown(status, b"".join(seen).decode())


def _read(terminal: int, seen: list[bytes]) -> None:
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # nobody has it open any more
            return
        seen.append(read)


def _start(
    arguments: tuple[str, ...], surroundings: dict[str, str], terminal: int, *, asks: bool
) -> "warm.WarmProcess | subprocess.Popen[bytes]":
    if warm.serves(surroundings) and not asks:
        name = Path(os.ttyname(terminal))
        return warm.WarmProcess(arguments, surroundings, name, name)
    return subprocess.Popen(
        [sys.executable, "-m", "listener", *arguments],
        env=surroundings,
        cwd=tempfile.gettempdir(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
