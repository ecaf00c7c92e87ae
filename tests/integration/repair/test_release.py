"""What the brake holds is shown wherever people and machines look, and let go by `listener release`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import ACTIVE, AS_THE_RULE_SAYS, HELD, TAKEN, pay, steps
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    """A school in which 300 have paid for course 1, 60 for course 2, and then nobody has."""
    made = await brake.school(empty.url, 300)
    await pay(made, 60, 2)
    await steps(made)
    await made.execute("update payments set paid = false")
    await steps(made)
    assert await made.fetchval(HELD) == 360
    yield made
    made.terminate()


def json_of(url: str, *command: str, status: int = 0) -> dict[str, object]:
    done = listener(url, *command, "--json", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


async def test_it_says_what_it_would_let_go_and_does_nothing(app: Connection, empty: Database) -> None:
    said = (await asyncio.to_thread(listener, empty.url, "release", "--dry-run")).stdout
    assert said.splitlines() == [
        "360 enrollments are held; within ten minutes 20 may be taken back, and 0 were",
        "course 1 ('Chess'): 300 held: 1, 2, 3, 4, 5, …",
        "course 2 ('Go'): 60 held: 301, 302, 303, 304, 305, …",
    ]
    assert await app.fetchval(HELD) == await app.fetchval(ACTIVE) == 360
    found = await asyncio.to_thread(json_of, empty.url, "release", "--dry-run", "--course", "2")
    examples = ["301", "302", "303", "304", "305"]
    assert found == {
        "held": 60,
        "courses": [{"course_id": "2", "held": 60, "examples": examples, "title": "Go", "joins": False}],
        "allowed": 20,
        "taken_back": 0,
        "joining_allowed": None,
        "joined": 0,
        "problem": None,
    }


async def test_what_is_let_go_is_taken_back_and_uses_up_nothing(app: Connection, empty: Database) -> None:
    said = (await asyncio.to_thread(listener, empty.url, "release", "--course", "2")).stdout
    assert said.splitlines()[-1] == "let go 60"
    assert await app.fetchval(HELD) == await app.fetchval(ACTIVE) == 300
    found = await asyncio.to_thread(json_of, empty.url, "release")
    assert (found["released"], found["left"], found["handled"]) == (300, 0, True)
    assert await app.fetchval(AS_THE_RULE_SAYS) == await app.fetchval(HELD) == await app.fetchval(TAKEN) == 0
    assert await app.fetchval("select array_agg(enrollments) from courses") == [0, 0]
    said = (await asyncio.to_thread(listener, empty.url, "release")).stdout
    assert said == "nothing is held\n"


async def test_while_enrolling_is_paused_nothing_is_let_go(app: Connection, empty: Database) -> None:
    await asyncio.to_thread(listener, empty.url, "pause", "enroll")
    done = await asyncio.to_thread(listener, empty.url, "release", check=False)
    assert done.returncode == 1
    assert "nothing done: " in done.stdout
    assert await app.fetchval(HELD) == 360


async def test_trying_again_and_sync_let_nothing_go(app: Connection, empty: Database) -> None:
    await asyncio.to_thread(listener, empty.url, "pending", "retry")
    done = await asyncio.to_thread(listener, empty.url, "sync", check=False)
    assert done.returncode == 1
    assert "360 enrollments are held by the brake" in done.stdout
    await steps(app)
    assert await app.fetchval(HELD) == await app.fetchval(ACTIVE) == 360


async def test_pending_and_explain_say_who_is_held(app: Connection, empty: Database) -> None:
    said = (await asyncio.to_thread(listener, empty.url, "pending")).stdout
    assert said.startswith("1: held; course: 1 ('Chess'); since (UTC): ")
    assert "and 260 more: these are the first" in said
    assert "`listener release`" in said
    found = await asyncio.to_thread(json_of, empty.url, "explain", "7")
    assert (found["verdict"], found["reason"]) == ("waits", "held")
    courses = found["courses"]
    assert isinstance(courses, list)
    assert [(each["course"], each["standing"], each["should_be"]) for each in courses] == [("1", "held", None)]
    said = (await asyncio.to_thread(listener, empty.url, "explain", "7")).stdout
    assert "waits: the brake holds what the query does not want any more, until `listener release`" in said
    assert "should not be there any more, and is held by the brake" in said


async def test_a_daemon_shows_it_lets_go_what_is_released_and_is_healthy_then(
    app: Connection, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(empty, heartbeat_seconds=0.5, sample_seconds=0.2, audit_seconds=3600).wait_ready("leading")
    await asyncio.to_thread(daemon.shows, 'listener_problem{code="enrollments_held"}', 1)
    await asyncio.to_thread(daemon.shows, "listener_held_enrollments", 360)
    assert json.loads(daemon.get("/state.json")[1])["sample"]["held"] == 360
    seen = await asyncio.to_thread(json_of, empty.url, "status", status=1)
    assert seen["held"] == 360
    # One more leaves: that is told of.
    await pay(app, 1)
    await eventually(app, ACTIVE, equals=361)
    await app.execute("update payments set paid = false where paid")
    await asyncio.to_thread(daemon.told, "enrollment_held")
    (held,) = daemon.events("enrollment_held")
    assert (held["profile_id"], held["course_id"]) == ("361", "1")
    found = await asyncio.to_thread(json_of, empty.url, "release")
    assert (found["released"], found["left"]) == (361, 0)
    assert await app.fetchval(ACTIVE) == 0
    await asyncio.to_thread(daemon.shows, 'listener_problem{code="enrollments_held"}', 0)
    await asyncio.to_thread(daemon.shows, "listener_held_enrollments", 0)
    assert (await asyncio.to_thread(listener, empty.url, "status", check=False)).returncode == 0


async def test_a_daemon_takes_back_what_fits_after_a_while(
    app: Connection, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(empty, heartbeat_seconds=0.5, sample_seconds=0.2, audit_seconds=3600).wait_ready("leading")
    await app.execute("update payments set paid = true where profile_id > 20")
    await eventually(app, HELD, equals=0)
    assert await app.fetchval(ACTIVE) == 340
    assert daemon.metric('listener_enrollments_taken_back_total{how="removed"}') == 20
