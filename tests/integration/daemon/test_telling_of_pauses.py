"""Everybody who looks is told of a pause, and who pauses is told what that did."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.pausing import FAST, FEW, SIGN_UP, pause, resume
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

StartDaemon = Callable[..., DaemonProcess]


def status(database: Database) -> tuple[int, dict[str, Any]]:
    """(exit status, what it says)."""
    done = listener(database.url, "status", "--json", check=False)
    return done.returncode, json.loads(done.stdout)


async def test_everybody_who_looks_is_told_and_nothing_is_called_late(
    connection: Connection, database: Database, course: None, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    gauge = 'listener_paused{reaction="enroll"}'
    daemon.shows(gauge, 0)
    assert "paused" not in json.loads(daemon.get("/readyz")[1])
    pause(database, "enroll", "--reason", "import of [2026]")
    await connection.execute(SIGN_UP, FEW)
    await eventually(connection, "select count(*) from listener.unhandled('count')", equals=0)  # it would be late
    await connection.execute("update listener.change set at = at - interval '1 hour'")
    wait_until(lambda: daemon.metric("listener_paused_backlog_changes") == 1, "it is sampled")
    daemon.shows(gauge, 1)
    daemon.shows('listener_paused{reaction="count"}', 0)
    daemon.shows("listener_backlog_changes", 0)
    daemon.shows("listener_oldest_unhandled_timestamp_seconds", 0)

    answer, body = daemon.get("/readyz")
    ready = json.loads(body)
    assert [each["code"] for each in ready.pop("problems")] == ["paused"]
    assert (answer, ready) == (200, {"status": "ok", "role": "leading", "paused": ["enroll"]})
    page = daemon.get("/")[1]
    assert "Leading; enroll paused" in page
    assert "listener resume enroll" in page
    told = json.loads(daemon.get("/state.json")[1])
    assert (told["paused"], told["sample"]["paused_backlog"]) == (["enroll"], 1)
    for path in ("/", "/state.json", "/readyz", "/metrics"):
        assert "import of" not in daemon.get(path)[1], "the reason is not for everybody who reaches the port"

    code, seen = status(database)
    assert (code, seen["lag_seconds"], seen["backlog"]) == (1, None, 0)
    assert [each["code"] for each in seen["problems"]] == ["paused"]
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    assert re.match(rf"enroll, since {when} by ", seen["problems"][0]["examples"][0])
    assert len(re.findall(rf"since {when}", listener(database.url, "diagnose", check=False).stdout)) == 2
    (paused,) = seen["paused"]
    assert (paused["consumer"], paused["paused_by"], paused["reason"]) == ("enroll", "postgres", "import of [2026]")
    assert seen["paused_backlog"] == 1
    human = " ".join(listener(database.url, "status", check=False).stdout.split())
    assert "by postgres (import of [2026])" in human
    assert "listener resume enroll" in human
    found = json.loads(listener(database.url, "diagnose", "--json", check=False).stdout)["findings"]
    assert [each["code"] for each in found] == ["paused"]
    assert "import of [2026]" in found[0]["examples"][0]

    resume(database, "enroll")
    wait_until(lambda: daemon.metric(gauge) == 0, "it is told")
    wait_until(lambda: daemon.metric("listener_paused_backlog_changes") == 0, "it is sampled")
    assert status(database)[1]["paused"] == []


async def test_the_lag_of_what_is_not_paused_is_told_as_ever(connection: Connection, database: Database) -> None:
    await connection.execute(SIGN_UP, FEW)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    enroll = (
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses limit 1"
    )
    await connection.execute(enroll)
    await connection.execute("update listener.change set at = at - interval '1 hour'")
    pause(database, "enroll")
    seen = status(database)[1]
    assert seen["lag_seconds"] > 3000
    pause(database, "count")
    assert status(database)[1]["lag_seconds"] is None


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_name_is_refused_in_one_line_that_names_those_there_are(database: Database, command: str) -> None:
    done = listener(database.url, command, "enrol", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "listener: 'enrol' is no reaction. Those that there are: enroll, count.\n"


async def test_twice_is_once(connection: Connection, database: Database) -> None:
    pause(database, "enroll", "--reason", "first")
    since = await connection.fetchval("select since::text from listener.pause")
    said = pause(database, "enroll", "--reason", "second")
    assert said.count("\n") == 1
    assert "already" in said
    pause(database, "enroll")
    assert await connection.fetchval("select array[since::text, reason] from listener.pause") == [since, "second"]
    assert "goes on" in resume(database, "enroll")
    assert "nothing to do" in resume(database, "enroll")


@pytest.mark.parametrize("name", ["enroll", "count"])
@pytest.mark.half
def test_sync_says_that_it_is_paused_and_does_nothing(database: Database, start_daemon: StartDaemon, name: str) -> None:
    start_daemon(database).wait_ready("leading")
    pause(database, name, "--reason", "incident")
    done = listener(database.url, "sync", check=False)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1  # a sync that waits for what will not happen says so after 10 s
    assert f"{name} is paused since" in done.stdout
    assert f"listener resume {name}" in done.stdout
    resume(database, name)
    assert listener(database.url, "sync", check=False).returncode == 0


async def test_the_daemons_own_role_may_pause_and_another_may_not(connection: Connection, database: Database) -> None:
    role, nobody = f"daemon_{database.name}", f"nobody_{database.name}"
    await connection.execute(f"create role {role} login; create role {nobody} login")
    try:
        listener(database.url, "install", "--grant-to", role)
        assert "enroll is paused" in listener(database.server.url(database.name, user=role), "pause", "enroll").stdout
        assert await connection.fetchval("select paused_by from listener.pause") == role
        refused = listener(database.server.url(database.name, user=nobody), "resume", "enroll", check=False)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
    finally:
        await connection.execute(f"drop owned by {role}; drop role {role}; drop role {nobody}")
