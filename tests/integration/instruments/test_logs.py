"""The log stays readable: a line each while they are few, a summary when they are many, two lines an outage."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import anyio
import asyncpg
import pytest
import structlog

from listener.daemon import outage
from listener.daemon.daemon import Daemon
from listener.database.connection import Connection
from listener.instruments.instruments import Instruments
from listener.instruments.state import Role
from listener.logs import Event, Logger
from listener.settings import load
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, environment

SIGN_UPS = 2000
LINES = 20
"""Of one kind in one second, at most, and a summary."""
SECONDS = 4


async def test_2000_sign_ups_a_second_are_a_few_lines_that_add_up(
    connection: Connection, database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    daemon = start_daemon(database).wait_ready("leading")
    before = len(daemon.events())
    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(sign_ups, database.url, started, SIGN_UPS * SECONDS // 4)
    took = time.monotonic() - started
    total = SIGN_UPS * SECONDS
    await eventually(connection, "select sum(enrollments) from courses", equals=total, seconds=60)

    def told() -> int:
        summed = sum(line["count"] for line in daemon.events("students_enrolled"))
        return len(daemon.events("student_enrolled")) + int(summed)

    wait_until(lambda: told() == total, "all were told of")
    seconds = Counter(
        datetime.fromisoformat(line["timestamp"]).strftime("%H:%M:%S") for line in daemon.events()[before:]
    )
    kinds = 2  # students, and counts
    assert max(seconds.values()) <= 2 * kinds * (LINES + 1)
    assert sum(seconds.values()) <= (took + 5) * kinds * (LINES + 1)
    assert {line["event"] for line in daemon.events()[before:]} <= {
        "student_enrolled",
        "students_enrolled",
        "course_count_moved",
        "course_counts_moved",
    }


async def sign_ups(url: str, started: float, total: int) -> None:
    """Students that sign up one by one, paced to take SECONDS in all."""
    connection = await asyncpg.connect(url)
    try:
        for number in range(total):
            ahead = started + SECONDS * number / total - time.monotonic()
            if ahead > 0.01:
                await anyio.sleep(ahead)
            await connection.execute("insert into profiles (role) values ('student')")
    finally:
        connection.terminate()


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until `condition` holds, while the daemon in this process goes on."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - nobody would set an event
            await anyio.sleep(0.02)


def remember(lines: list[dict[str, object]]) -> Logger:
    """A log that is a list of its lines."""

    def keep(_logger: object, level: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        lines.append({"level": level, **line})
        raise structlog.DropEvent

    logger: Logger = structlog.wrap_logger(
        structlog.PrintLogger(), processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(20)
    )
    return logger


async def test_an_outage_of_an_hour_is_two_lines(postgres_version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = 3600 / (0.75 * outage.LONGEST_CHEAP_SECONDS)  # each pause is between half of it and all of it
    for name in ("SHORTEST_SECONDS", "LONGEST_CHEAP_SECONDS", "LONGEST_FAILING_SECONDS"):
        monkeypatch.setattr(outage, name, 0.001)  # an hour's pauses pass in seconds
    server = Server(postgres_version)
    server.create()
    server.start()
    try:
        server.psql("postgres", "create database lms")
        url = server.url("lms")
        server.psql("lms", lms.schema())
        server.psql("lms", await anyio.to_thread.run_sync(install_script, url))
        lines: list[dict[str, object]] = []
        settings = load({"database_url": url})
        instruments = Instruments.of_daemon(settings.heartbeat_seconds, remember(lines))
        metrics, state = instruments.metrics, instruments.state
        daemon = Daemon(settings, instruments)

        def value(name: str) -> float:
            return metrics.registry.get_sample_value(f"listener_{name}") or 0.0

        def leads() -> bool:
            return state.role is Role.LEADING and value("connected") == 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(daemon.run)
            await until(leads, 20)
            before = len(lines)
            await anyio.to_thread.run_sync(server.stop, "immediate")
            await until(lambda: value("connection_attempts_total") >= attempts, 90)
            await anyio.to_thread.run_sync(server.start)
            await until(lambda: leads() and len(lines) >= before + 3, 30)
            daemon.stop()
    finally:
        server.destroy()
    told = [line for line in lines[before:] if line["event"] is not Event.LEADER_ACQUIRED]
    assert [(line["event"], line["level"]) for line in told] == [
        (Event.CONNECTION_LOST, "warning"),
        (Event.CONNECTED, "info"),
    ]
    assert float(str(told[1]["attempts"])) > attempts - 5
    assert len(lines) - before == 3


@pytest.mark.parametrize("form", ["json", "console"])
def test_one_line_an_event_in_either_form(form: str) -> None:
    script = f"""
import logging
from listener.logs import Event, configure
log = configure("info", {form!r})
log.info(Event.STUDENT_ENROLLED, profile_id="a\\nb", course_id=None)
log.debug(Event.BATCH_APPLIED, changes=1)
logging.getLogger("asyncio").error("of a library")
logging.getLogger("asyncio").info("nobody wants this")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(""), capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert done.stdout == ""
    assert len(lines) == 2
    assert ["student_enrolled" in lines[0], "of a library" in lines[1]] == [True, True]
    if form == "json":
        first = json.loads(lines[0])
        assert first.pop("timestamp").endswith("Z")
        assert first == {"event": "student_enrolled", "level": "info", "profile_id": "a\nb", "course_id": None}
        assert json.loads(lines[1])["level"] == "error"
    else:
        assert not re.search(r"\x1b", done.stderr)


def test_a_library_s_traceback_stays_in_its_line() -> None:
    script = """
import logging
from listener.logs import configure
configure("info", "json")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("uvicorn.error").exception("it failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(""), capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert "ZeroDivisionError: division by zero" in json.loads(line)["exception"]
