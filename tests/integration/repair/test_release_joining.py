"""Who is held by the brake on joining is shown wherever people and machines look, and let in by `listener release`."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.integration.repair.test_release import json_of
from tests.support import brake
from tests.support.brake import ACTIVE, AS_THE_RULE_SAYS, pay, steps
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.unhurried import UNHURRIED

WAITS = "select count(*) from listener.pending_enrollment where reason = 'held'"
JOINED = "select coalesce(sum(number), 0)::bigint from listener.brake_use where kind = 'joining'"


OF_301 = "insert into payments (profile_id, course_id) values (301, 1)"


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    """A school in which 30 may join: 300 have paid for course 1, 60 for course 2."""
    made = await brake.school(empty.url, 0, joining_brake="30")
    await pay(made, 300)
    await pay(made, 60, 2)
    await steps(made)
    assert await made.fetchval(WAITS) == 360
    yield made
    made.terminate()


async def test_release_says_who_would_join_and_lets_them_in(app: Connection, empty: Database) -> None:
    said = (await asyncio.to_thread(listener, empty.url, "release", "--dry-run")).stdout
    assert said.splitlines() == [
        "360 enrollments are held; within ten minutes 20 may be taken back, and 0 were; 30 may join, and 0 have",
        "course 1 ('Chess'): 300 held who would join: 1, 2, 3, 4, 5, …",
        "course 2 ('Go'): 60 held who would join: 301, 302, 303, 304, 305, …",
    ]
    assert await app.fetchval(ACTIVE) == 0
    await app.execute(
        "create table causes (cause text); create function tell() returns trigger language plpgsql as"
        " $$ begin insert into public.causes values (current_setting('listener.cause')); return null; end $$;"
        " create trigger tell after insert on enrollments for each row execute function tell()"
    )
    # Of one profile in two courses only the one is let in.
    await app.execute(f"insert into listener.brake_use values ('joining', now(), 30); {OF_301}")
    await steps(app)
    await app.execute("truncate listener.brake_use")
    found = await asyncio.to_thread(json_of, empty.url, "release", "--course", "2")
    assert (found["released"], found["left"], found["joining_allowed"], found["joined"]) == (60, 0, 30, 0)
    assert await app.fetchval(ACTIVE) == await app.fetchval("select count(*) from enrollments where course_id = 2")
    assert await app.fetchval(ACTIVE) == 60
    assert await app.fetchval(WAITS) == 301
    said = (await asyncio.to_thread(listener, empty.url, "release")).stdout
    assert said.splitlines()[-1] == "let go 301"
    assert await app.fetchval(JOINED) == await app.fetchval(WAITS) == await app.fetchval(AS_THE_RULE_SAYS) == 0
    assert await app.fetchval("select array_agg(distinct cause) from causes") == ["release"]
    assert (await asyncio.to_thread(listener, empty.url, "release")).stdout == "nothing is held\n"


async def test_one_who_is_refused_when_let_go_stays_let_go(app: Connection, empty: Database) -> None:
    await app.execute(UNHURRIED)
    await app.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin if new.profile_id = 7 then raise 'no'; end if; return new; end $$;"
        " create trigger refuse before insert on enrollments for each row execute function refuse()"
    )
    found = await asyncio.to_thread(json_of, empty.url, "release", status=1)
    assert (found["released"], found["left"]) == (360, 1)
    assert await app.fetchval(ACTIVE) == 359
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await steps(app)
    await app.execute(
        "drop trigger refuse on enrollments; update listener.pending_enrollment set next_attempt_at = now()"
    )
    await pay(app, 40)  # they are held, and that one is not
    await steps(app)
    assert await app.fetchval("select count(*) from enrollments where profile_id = 7") == 1
    assert await app.fetchval(WAITS) == 40


async def test_trying_again_and_sync_let_nobody_in(app: Connection, empty: Database) -> None:
    await asyncio.to_thread(listener, empty.url, "pending", "retry")
    done = await asyncio.to_thread(listener, empty.url, "sync", check=False)
    assert done.returncode == 1
    assert "360 enrollments are held by the brake" in done.stdout
    await steps(app)
    assert await app.fetchval(WAITS) == 360
    assert await app.fetchval(ACTIVE) == 0


async def test_pending_and_explain_say_who_is_held(app: Connection, empty: Database) -> None:
    said = (await asyncio.to_thread(listener, empty.url, "pending")).stdout
    assert "held" in said
    assert "when so many fit, or by `listener release`" in said
    found = await asyncio.to_thread(json_of, empty.url, "explain", "7")
    assert (found["verdict"], found["reason"]) == ("waits", "held")
    said = (await asyncio.to_thread(listener, empty.url, "explain", "7")).stdout
    assert (
        "waits: the brake on joining holds it, until so many fit into ten minutes, or until `listener release`" in said
    )


async def test_a_daemon_shows_it_and_lets_in_who_is_released(
    app: Connection, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(empty, heartbeat_seconds=0.5, sample_seconds=0.2, audit_seconds=3600).wait_ready("leading")
    await asyncio.to_thread(daemon.shows, 'listener_problem{code="enrollments_held"}', 1)
    await asyncio.to_thread(daemon.shows, "listener_held_enrollments", 360)
    await asyncio.to_thread(daemon.shows, 'listener_pending_students{reason="held"}', 360)
    seen = await asyncio.to_thread(json_of, empty.url, "status", status=1)
    assert seen["held"] == 360
    # Who signs up is in, up to the limit; the next one is not.
    await pay(app, 30)
    await eventually(app, ACTIVE, equals=30)
    await pay(app, 1)
    await asyncio.to_thread(daemon.told, "student_pending")
    (held,) = daemon.events("student_pending")
    assert (held["profile_id"], held["course_id"], held["reason"]) == ("391", "1", "held")
    found = await asyncio.to_thread(json_of, empty.url, "release")
    assert (found["released"], found["left"]) == (361, 0)
    assert await app.fetchval(ACTIVE) == 391
    await asyncio.to_thread(daemon.shows, 'listener_problem{code="enrollments_held"}', 0)
    assert (await asyncio.to_thread(listener, empty.url, "status", check=False)).returncode == 0


async def test_a_daemon_lets_in_who_fits_after_a_while(
    app: Connection, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    start_daemon(empty, heartbeat_seconds=0.5, sample_seconds=0.2, audit_seconds=3600).wait_ready("leading")
    await app.execute("update payments set paid = false where profile_id > 25")
    await eventually(app, ACTIVE, equals=25)
    await eventually(app, WAITS, equals=0)
    await pay(app, 10)
    await eventually(app, WAITS, equals=10)
    await app.execute("update listener.brake_use set slot = slot - interval '11 minutes'")
    await eventually(app, ACTIVE, equals=35)
