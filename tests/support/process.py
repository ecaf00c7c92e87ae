"""The daemon as users run it: a process, with real signals and a real port."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.postgres import free_port, wait_until


def heed_signals() -> None:
    """Let programs that are started from here heed the signals that a terminal sends. A background job of a shell's is
    told to ignore some of them, and hands that down: a program under test would never hear Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _go_on)  # still ignored here; but a handler, unlike SIG_IGN, is not handed down


def _go_on(_number: int, _frame: object) -> None:
    pass


LOG_SECONDS = 0.3

MOST_LINES = 80
"""Of a daemon's log, beside a test that failed."""

CRASH = "Traceback (most recent call last)"
CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL)


def environment(url: str, **settings: object) -> dict[str, str]:
    """This process's environment with no `LISTENER_*` but these settings, and with Python as users have it."""
    others = ("LISTENER_", "PG", "PYTHONUNBUFFERED")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    given = {f"LISTENER_{name.upper()}": str(value) for name, value in settings.items()}
    return clean | {"LISTENER_DATABASE_URL": url} | given


def listener(url: str, *arguments: str, check: bool = True, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run one `listener` command to its end."""
    surroundings = environment(url, **settings)
    if warm.serves(surroundings):
        done = warm.run(arguments, surroundings, 60)
    else:
        done = subprocess.run(
            [sys.executable, "-m", "listener", *arguments],
            env=surroundings,
            cwd=tempfile.gettempdir(),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(done.args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


@dataclass
class DaemonProcess:
    """`listener run`, started when this is made."""

    url: str
    settings: dict[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    prefix: tuple[str, ...] = ()
    """What runs it: a command that takes a command."""
    interpreter: str = sys.executable
    cold: bool = True
    """Whether it starts as an interpreter of its own."""

    def __post_init__(self) -> None:
        self._log = Path(tempfile.mkstemp(prefix="listener-log-")[1])
        surroundings = self.surroundings()
        self.process: subprocess.Popen[bytes] | warm.WarmProcess
        if warm.serves(surroundings) and not self.cold:
            self.process = warm.WarmProcess(("run",), surroundings, self._log, self._log)
            return
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.interpreter, "-m", "listener", "run"],
                env=surroundings,
                cwd=tempfile.gettempdir(),
                stdout=log,
                stderr=log,
            )

    def surroundings(self) -> dict[str, str]:
        """Its environment."""
        return environment(self.url, **{"http_port": self.port, "log_format": "json", **self.settings})

    def get(self, path: str) -> tuple[int, str]:
        """(status, body) of a GET; (0, reason) if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    @property
    def role(self) -> str | None:
        """What /readyz says the daemon does, if it is ready."""
        status, body = self.get("/readyz")
        return str(json.loads(body)["role"]) if status == 200 else None

    def wait_ready(self, role: str | None = None, seconds: float = 20.0) -> "DaemonProcess":
        """Wait until it is ready (in that role)."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon has exited with {self.process.returncode}:\n{self.text()}")
            return self.role is not None if role is None else self.role == role

        wait_until(ready, f"the daemon is ready ({role or 'any role'}); its log:\n{self.text()}", seconds)
        return self

    def text(self) -> str:
        """All it has logged."""
        return self._log.read_text()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The log's lines, or those of one event, waited for for a moment: a thread of the daemon's writes them."""
        give_up_at = time.monotonic() + LOG_SECONDS
        while True:
            lines = [json.loads(line) for line in self.text().splitlines() if line.endswith("}") and line[0] == "{"]
            found = [line for line in lines if name in (None, line["event"])]
            if found or name is None or time.monotonic() >= give_up_at or self.process.poll() is not None:
                return found
            time.sleep(0.02)

    def told(self, event: str) -> str:
        """All lines of an event, once there is one."""
        wait_until(lambda: bool(self.events(event)), f"{event}; the log:\n{self.text()}")
        return str(self.events(event))

    def metric(self, name: str) -> float:
        """The value of one sample, named as it is exported: `listener_errors_total{kind="connection"}`."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        raise KeyError(name)

    def shows(self, name: str, value: float) -> None:
        """Wait until a sample has this value: what is exported may be a second old."""
        wait_until(lambda: self.metric(name) == value, f"{name} is {value}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait(20)

    def clean_up(self) -> None:
        """Kill it if it still runs, and remove its log, whose end is printed: it is seen if the test failed. The daemon
        must not have crashed, whatever the test is about."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        if not self._log.exists():
            return
        text = self.text()
        self._log.unlink()
        if "PYTEST_CURRENT_TEST" in os.environ:
            print(f"the log of the daemon at port {self.port}:", *text.splitlines()[-MOST_LINES:], sep="\n")
        has_crashed = CRASH in text or self.process.poll() in CRASHES
        assert not has_crashed, f"the daemon has crashed ({self.process.poll()}):\n{text}"
