"""A real browser, without a screen."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tests.support.postgres import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def browse(url: str, *flags: str, milliseconds: int = 3000) -> subprocess.CompletedProcess[str]:
    """Open `url` and let its scripts run for so long, of the page's time. The page's console comes out on stderr."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="listener-browser-", ignore_cleanup_errors=True) as profile:
        return subprocess.run(
            [CHROMIUM, *QUIET, f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", *flags, url],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )


def dom(url: str) -> tuple[str, str]:
    """(the page as its scripts left it, what the console said)."""
    done = browse(url, "--dump-dom")
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def screenshot(url: str, path: Path, *, width: int = 1000, height: int = 760, dark: bool = False) -> None:
    """Take a picture of the page."""
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(url, f"--screenshot={path}", f"--window-size={width},{height}", scheme)


class OpenPage:
    """A page that stays open, to type into. Commands go over a pipe, in the DevTools protocol."""

    def __init__(self, to: BinaryIO, answers: BinaryIO, url: str) -> None:
        self._to = to
        self._answers = answers
        self._number = 0
        self._session: str | None = None
        target = self._ask("Target.createTarget", url=url)["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def wait_for(self, script: str, value: object) -> None:
        """Wait until the body of this function returns that."""
        wait_until(lambda: self._evaluate(script) == value, f"{script} is {value!r}")

    def type(self, field: str, text: str) -> None:
        """As keys would, at the end of the field with this id."""
        self._evaluate(f"document.getElementById({json.dumps(field)}).focus()")
        self._ask("Input.insertText", text=text)

    def _evaluate(self, script: str) -> object:
        return self._ask("Runtime.evaluate", expression=f"(() => {{ {script} }})()")["result"].get("value")

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            asked["sessionId"] = self._session
        self._to.write(json.dumps(asked).encode() + b"\0")
        self._to.flush()
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._number:
                return dict(answer["result"])

    def _message(self) -> bytes:
        found = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser is gone"
            found += byte
        return bytes(found)


@contextmanager
def opened(url: str) -> Iterator[OpenPage]:
    """Open `url`, in real time."""
    assert CHROMIUM is not None
    theirs, to = os.pipe()
    answers, back = os.pipe()
    # Descriptors 3 and 4 are what the browser takes.
    moved = f'exec 3<&{theirs} 4>&{back}; exec "$@"'
    with tempfile.TemporaryDirectory(prefix="listener-browser-", ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *QUIET, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            ["bash", "-c", moved, "bash", *command], pass_fds=(theirs, back), stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        os.close(back)
        try:
            with os.fdopen(to, "wb") as writing, os.fdopen(answers, "rb") as reading:
                yield OpenPage(writing, reading, url)
        finally:
            process.terminate()
            process.wait(20)
