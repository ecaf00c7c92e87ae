"""The log cannot be written: the disk is full, nobody reads, or there is none. The daemon works on, and stops when
told."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import free_port, wait_until
from tests.support.process import environment

ENROLLED = "select count(*) from enrollments"

DROPPED = "listener_log_lines_dropped_total"

STOP_SECONDS = 5
"""For a stop; the time that it may take is 10 s."""


def close(descriptors: tuple[int, ...]) -> None:
    for each in descriptors:
        os.close(each)


class Daemon:
    """`listener run` with a standard error of the test's choice."""

    def __init__(self, database: Database, stderr: int | IO[Any], closed: tuple[int, ...] = ()) -> None:
        self.port = free_port()
        settings = {"http_port": self.port, "log_format": "json", "log_level": "debug", "heartbeat_seconds": 1}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "listener", "run"],
            env=environment(database.url, **settings),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=tempfile.gettempdir(),
            preexec_fn=lambda: close(closed),
        )
        wait_until(lambda: "leading" in self.get("/readyz"), "it leads")

    def get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            assert self.process.poll() is None, f"it has exited with {self.process.returncode}"
            return ""

    def dropped(self) -> float:
        lines = self.get("/metrics").splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{DROPPED} ")), 0.0)

    def stop(self) -> int:
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        assert time.monotonic() - started < STOP_SECONDS
        return status


@pytest.fixture
def start(database: Database) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def begin(*arguments: Any, **named: Any) -> Daemon:
        started.append(Daemon(database, *arguments, **named))
        return started[-1]

    yield begin
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait(20)
        if daemon.process.stderr is not None:
            daemon.process.stderr.close()


async def sign_up(connection: Connection, students: int) -> None:
    await connection.executemany("insert into profiles (role) values ($1)", [("student",)] * students)
    await eventually(connection, ENROLLED, equals=students, seconds=30)


async def test_a_full_disk_stops_nothing(connection: Connection, course: None, start: Callable[..., Daemon]) -> None:
    with open("/dev/full", "w") as full:  # noqa: ASYNC230, PTH123 - it is there at once
        daemon = start(full)
    await sign_up(connection, 20)
    wait_until(lambda: daemon.dropped() > 0, "the lines are counted")
    assert daemon.stop() == 0


async def test_a_pipe_that_nobody_reads_stops_nothing(
    connection: Connection, course: None, start: Callable[..., Daemon]
) -> None:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        os.write(writer, b"x" * 2**20)  # as much as goes in
        os.set_blocking(writer, True)
        daemon = start(writer)
        await sign_up(connection, 20)
        assert "leading" in daemon.get("/readyz")
        assert daemon.stop() == 0
    finally:
        os.close(reader)
        os.close(writer)


async def test_closed_streams_stop_nothing(connection: Connection, course: None, start: Callable[..., Daemon]) -> None:
    daemon = start(subprocess.DEVNULL, closed=(0, 1, 2))
    await sign_up(connection, 20)
    assert daemon.stop() == 0
