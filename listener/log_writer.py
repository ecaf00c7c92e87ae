"""The log's way out: a thread writes, and lines are dropped and counted rather than waited for. Without a reader, or
with a full disk, the work goes on."""

import os
import select
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LINES = 2000
MOST_BYTES = 4 * 2**20
"""Limit of the waiting lines."""

CLOSE_SECONDS = 1.0
"""Time to write waiting lines, at the end."""

TELL_SECONDS = 5.0
"""Least time between two reports of dropped lines."""

FULL_SECONDS = 1.0
"""Time between two looks for a reader, where the system cannot wait for a reader."""


class LogWriter:
    """A stream of text, like `sys.stderr`, which never waits and never fails."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._begun = ""
        """A line without the end."""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_torn = False
        self._told = 0
        self._told_at = float("-inf")
        self.dropped = 0
        """Lines that were not written."""
        self.on_drop: Callable[[int], None] = lambda _lines: None
        """Called with each number of lines that are dropped, on any thread."""
        self.tell: Callable[[int], None] = lambda _lines: None
        """Called with the number of dropped lines so far, once all waiting lines are written: may log the number."""
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        """Have whole lines written."""
        with self._changed:
            lines, end, self._begun = (self._begun + text).rpartition("\n")
            data = f"{lines}{end}".encode(self.encoding, self.errors)
            fits = len(self._waiting) < MOST_LINES and self._bytes + len(data) <= MOST_BYTES
            if data and fits:
                self._waiting.append(data)
                self._bytes += len(data)
                self._changed.notify_all()
        if data and not fits:
            self._drop(data)
        return len(text)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def finish(self) -> None:
        """Wait a moment for unwritten lines."""
        if self._begun:
            self.write("\n")
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._is_writing, CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting), self._seconds_to_tell())
                data = self._waiting.popleft() if self._waiting else b""
                self._bytes -= len(data)
                self._is_writing = bool(data)
            if not data:
                self._tell()
                continue
            try:
                self._write(b"\n" + data if self._is_torn else data)
            except OSError:
                self._drop(data)
            else:
                self._is_torn = False

    def _write(self, data: bytes) -> None:
        """Raises OSError."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # the stream came to us set not to wait
                select.select([], [self._descriptor], [], FULL_SECONDS)
            else:
                self._is_torn = True

    def _drop(self, data: bytes) -> None:
        lines = data.count(b"\n")
        with self._changed:
            self.dropped += lines
        self.on_drop(lines)

    def _seconds_to_tell(self) -> float | None:
        """Until dropped lines are to be told; None if there are none that are untold. That line may be dropped, too."""
        if self.dropped == self._told:
            return None
        return max(0.0, self._told_at + TELL_SECONDS - time.monotonic())

    def _tell(self) -> None:
        self._told, self._told_at = self.dropped, time.monotonic()
        self.tell(self._told)


def hold_standard_streams() -> None:
    """Point closed standard streams at /dev/null: otherwise the next opened file or connection would take the stream's
    number, and the stream's output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for descriptor, name in enumerate(("stdout", "stderr"), 1):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "w", closefd=False))
