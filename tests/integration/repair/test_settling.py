"""`sync` and `diagnose` where a query says who should be where."""

import json
import re
from collections.abc import Callable

import anyio
import pytest

from listener.database.connection import Connection
from listener.mapping.mapping import Mapping
from listener.repair import sync as syncing
from tests.conftest import Database
from tests.support.cohorts import BY_PLAN, REMOVE, SUSPEND, TWICE, places, school, unnoticed
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

MISSED = 3000
NOBODY_NOTES = unnoticed(
    "insert into profiles (plan) select case when number % 3 = 0 then 'gold' else 'free' end"
    f" from generate_series(1, {MISSED}) as number"
)
ASTRAY = "select count(*) from listener.astray()"
REFUSE = refuse("new.profile_id = 2", "not this one")


def said(database: Database, status: int = 0) -> str:
    """The line of what `sync` did about enrollments."""
    done = listener(database.url, "sync", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("enrolled "))
    return line


def findings(database: Database, **settings: object) -> dict[str, list[str]]:
    """What `diagnose` finds, with its examples."""
    done = listener(database.url, "diagnose", "--json", check=False, **settings)
    assert done.returncode in (0, 1), done.stderr
    return {each["code"]: each["examples"] for each in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize(
    ("settings", "word", "left"),
    [(SUSPEND, "suspended", {(1, "inactive"): 1, (2, "inactive"): 1}), (REMOVE, "removed", {})],
    ids=["suspend", "remove"],
)
@pytest.mark.half
async def test_all_that_is_not_as_wanted_is_settled_with_no_daemon(
    empty: Database, app: Connection, settings: dict[str, str], word: str, left: dict[tuple[int, str], int]
) -> None:
    school(empty, 9, **settings)
    assert said(empty) == "enrolled 9; 0 students wait"
    assert said(empty) == "enrolled 0; 0 students wait"
    assert await places(app) == {(1, "active"): 6, (2, "active"): 3}
    await app.execute(unnoticed("update profiles set role = 'guest' where id in (1, 3)"))
    assert said(empty) == f"enrolled 0, {word} 2; 0 students wait"
    assert await places(app) == {(1, "active"): 5, (2, "active"): 2} | left
    await app.execute(unnoticed("update profiles set role = 'student'; update profiles set plan = 'new' where id = 2"))
    assert said(empty) == f"enrolled 1, returned 2, {word} 1; 0 students wait"
    enrolled = {key: count for key, count in (await places(app)).items() if key[1] == "active"}
    assert enrolled == {(1, "active"): 5, (2, "active"): 3, (3, "active"): 1}
    assert await app.fetchval("select array_agg(enrollments order by id) from courses") == [5, 3, 1]
    await app.execute("update profiles set role = 'guest' where id = 2")  # noted, and handled by `sync` itself
    assert said(empty) == f"enrolled 0, {word} 1; 0 students wait"


@pytest.mark.parametrize("code", ["P0001", "P0004"])
@pytest.mark.half
async def test_who_cannot_be_enrolled_is_said_to_wait_and_is_not_tried_twice(
    empty: Database, app: Connection, code: str
) -> None:
    school(empty, 6)
    await app.execute(refuse("new.profile_id = 2", "not this one", code))
    assert said(empty, status=1) == "enrolled 5; 1 student waits"
    attempts = "select attempts from listener.pending_enrollment where profile_id = 2 and error ~ 'not this one'"
    assert await app.fetchval(attempts) == 1
    assert set(findings(empty)) == {"students_refused"}
    await app.execute("update listener.pending_enrollment set next_attempt_at = now() + interval '1 hour'")
    assert said(empty, status=1) == "enrolled 0; 1 student waits"
    assert await app.fetchval(attempts) == 1


async def test_who_waited_for_a_course_is_enrolled_with_no_daemon_once_there_is_one(
    empty: Database, app: Connection
) -> None:
    school(empty, 2, None)
    await app.execute("delete from courses")
    listener(empty.url, "install", check=True)
    assert said(empty, status=1) == "enrolled 0 students, 2 wait"
    await app.execute("insert into courses (title) values ('e')")
    assert said(empty) == "enrolled 2 students, 0 wait"


async def test_who_waits_for_a_seat_is_settled_elsewhere(empty: Database, app: Connection) -> None:
    school(empty, 2, None)
    await app.execute("alter table courses add seats integer; update courses set seats = 1 where id = 1")
    listener(empty.url, "install", check=True, wanted_query=BY_PLAN, course_seats="seats")
    # For a seat: no fault, and nothing that `sync` could mend.
    assert said(empty) == "enrolled 1; 1 student waits"
    await app.execute(unnoticed("insert into courses (title, plan) values ('d', 'free')"))
    assert said(empty) == "enrolled 2; 1 student waits"
    assert await places(app) == {(1, "active"): 1, (4, "active"): 2}


async def test_it_ends_while_people_go_on_signing_up(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    school(empty, 0, **SUSPEND)
    daemon = start_daemon(empty, audit_seconds=3000).wait_ready("leading")
    # It has looked at everybody already, as it does after an installation.
    await eventually(app, "select count(*) from listener.blind_note", equals=0)
    # Its first audit would enroll everybody in place of `sync`; the next one comes after the test.
    await anyio.to_thread.run_sync(daemon.shows, "listener_audits_total", 1)
    await app.execute(NOBODY_NOTES)
    stop = anyio.Event()

    async def sign_up() -> None:
        connection = await connect(empty.url)
        try:
            while not stop.is_set():
                await connection.execute("insert into profiles (plan) values ('gold')")
                await anyio.sleep(0.01)
        finally:
            connection.terminate()

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(sign_up)
        await eventually(app, "select count(*) > $1 from profiles", MISSED + 50, equals=True)
        line = await anyio.to_thread.run_sync(said, empty)
        after = await app.fetchval("select count(*) from profiles")
        await eventually(app, "select count(*) > $1 from profiles", after, equals=True)
        stop.set()
    enrolled = re.fullmatch(r"enrolled ([\d,]+); 0 students wait", line)
    assert enrolled
    assert MISSED <= int(enrolled[1].replace(",", "")) < MISSED + 50
    await eventually(app, ASTRAY, equals=0)
    assert await app.fetchval(TWICE) == 0
    assert await app.fetchval("select count(*) from enrollments") == await app.fetchval("select count(*) from profiles")
    assert daemon.stop() == 0


async def test_everybody_is_reached_in_pages_however_many_looks_that_takes(
    empty: Database, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    school(empty, 40)
    # Two courses each, for some: neither a page nor a look cuts somebody's work in two.
    both = f"{BY_PLAN} union select profiles.id, 3 from profiles where profiles.id % 2 = 0"
    listener(empty.url, "install", "--yes", wanted_query=both)
    await app.execute(REFUSE)
    monkeypatch.setattr(syncing, "AT_A_LOOK", 10)
    monkeypatch.setattr(syncing, "PAGE", 4)
    mapping = Mapping.from_json(await app.fetchval("select mapping from listener.installation"))
    lines: list[str] = []
    shown: list[tuple[int, int]] = []
    assert await syncing.sync(app, empty.url, mapping, lines.append, lambda *progress: shown.append(progress))
    assert lines == ["enrolled 58; 1 student waits"]
    assert all(done <= total for done, total in shown)
    assert shown[-1] == (40, 40)
    assert await app.fetchval(ASTRAY) == 2
    assert await app.fetch("select * from listener.wanted_missing") == []


async def test_nothing_is_done_where_the_listener_only_observes(empty: Database, app: Connection) -> None:
    school(empty, 6, actions="observe")
    assert listener(empty.url, "sync", check=False).returncode == 0
    assert await places(app) == {}
    assert findings(empty) == {}


async def test_diagnose_is_about_pairs_before_an_installation_and_after(empty: Database, app: Connection) -> None:
    school(empty, 6, None)
    await app.execute("insert into enrollments (profile_id, course_id) values (1, 1), (2, 2)")
    await app.execute("update courses set enrollments = 1 where id < 3")
    missing = ["2 in 1", "3 in 2", "4 in 1", "5 in 1", "6 in 2"]
    query = {"wanted_query": BY_PLAN, **SUSPEND}
    assert findings(empty, **query) == {"wanted_missing": missing, "not_installed": []}
    listener(empty.url, "install", check=True, **query)
    assert findings(empty) == {"wanted_missing": missing}
    said(empty)
    assert findings(empty) == {}
    await app.execute("delete from enrollments where profile_id = 1")
    await app.execute(unnoticed("update profiles set plan = 'new' where id = 3"))
    assert findings(empty) == {"wanted_missing": ["1 in 1", "3 in 3"], "unwanted_enrollments": ["3 in 2"]}
    # Who is noted is not missed.
    await app.execute("update profiles set plan = 'gold' where id = 1; update profiles set plan = 'free' where id = 3")
    assert findings(empty) == {}
    said(empty)
    assert findings(empty) == {}
    assert await app.fetchval(ASTRAY) == 0
