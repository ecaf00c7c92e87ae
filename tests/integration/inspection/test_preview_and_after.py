"""What `install --plan` foretells is what then happens, under load, too; and nobody waits for it."""

import re
from collections.abc import Callable

import anyio
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.cohorts import ALL_IN_THE_NEW, BY_PLAN, REMOVE, SUSPEND, TWICE, places, school
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.in_the_way import LOOKING, migrate_beside
from tests.support.preview import foretold
from tests.support.process import DaemonProcess, listener

NOTHING_DUE = """
select
    not exists (select from listener.blind_note)
    and not exists (select from listener.unhandled('enroll'))
    and not exists (select from listener.astray())
"""


LEAVING = {
    "keep": ({}, [], {(1, "active"): 8, (2, "active"): 6, (3, "active"): 4}),
    "suspend": (
        SUSPEND,
        ["course 2 ('b'): 4 would leave (suspended): 3, 6, 9, 12"],
        {(1, "active"): 8, (2, "active"): 2, (2, "inactive"): 4, (3, "active"): 4},
    ),
    "remove": (
        REMOVE,
        ["course 2 ('b'): 4 would leave (removed): 3, 6, 9, 12"],
        {(1, "active"): 8, (2, "active"): 2, (3, "active"): 4},
    ),
}
FEW_IN_THE_NEW = ALL_IN_THE_NEW.replace("<= 10", "<= 2")


@pytest.mark.parametrize("leaving", LEAVING)
@pytest.mark.half
async def test_under_a_new_query_it_says_who_joins_and_leaves_as_then_happens(
    empty: Database, app: Connection, leaving: str
) -> None:
    settings, leave, after = LEAVING[leaving]
    school(empty, 12, **settings)
    listener(empty.url, "sync")
    expected = ["course 2 ('b'): 2 would join: 1, 2", *leave, "course 3 ('c'): 4 would join: 3, 6, 9, 12"]
    # What was said at the last installation still holds.
    assert foretold(empty, wanted_query=FEW_IN_THE_NEW)[1:-1] == expected
    listener(empty.url, "install", wanted_query=FEW_IN_THE_NEW)
    assert foretold(empty)[1:-1] == expected
    listener(empty.url, "sync")
    assert await places(app) == after
    assert foretold(empty)[0] == "who would join, leave, come back: nobody"


@pytest.mark.parametrize("settings", [SUSPEND, REMOVE], ids=lambda settings: settings["on_leave"])
@pytest.mark.half
async def test_it_says_who_would_come_back(empty: Database, app: Connection, settings: dict[str, str]) -> None:
    school(empty, 12, **settings)
    listener(empty.url, "sync")
    await app.execute("update profiles set role = 'guest' where id <= 4")
    listener(empty.url, "sync")
    # Of those who left, one is gone.
    await app.execute("delete from profiles where id = 4")
    everyone = BY_PLAN.replace("profiles.role = 'student'", "true")
    expected = ["course 1 ('a'): 2 would come back: 1, 2", "course 2 ('b'): 1 would come back: 3"]
    assert foretold(empty, wanted_query=everyone)[:-1] == ["who would join, leave, come back: 3 come back", *expected]
    listener(empty.url, "install", wanted_query=everyone)
    done = listener(empty.url, "sync")
    assert "enrolled 0, returned 3; 0 students wait" in done.stdout
    assert {status for _, status in await places(app)} == {"active"}


async def test_it_says_who_would_join_when_a_query_is_given_up(empty: Database, app: Connection) -> None:
    school(empty, 6, BY_PLAN + " and profiles.plan = 'gold'", **SUSPEND)
    listener(empty.url, "sync")
    assert foretold(empty, wanted_query="none")[:-1] == [
        "who would join, leave, come back: 4 join",
        "course 1 ('a'): 4 would join: 1, 2, 4, 5",
    ]
    listener(empty.url, "install", wanted_query="none")
    listener(empty.url, "sync")
    assert await places(app) == {(1, "active"): 4, (2, "active"): 2}


async def test_it_says_how_many_find_a_seat_once_those_who_leave_have_left(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    school(empty, 9, **SUSPEND)
    listener(empty.url, "sync")
    await app.execute("alter table courses add seats integer; update courses set seats = 4 where id = 1")
    swapped = BY_PLAN.replace("profiles.plan\n", "case profiles.plan when 'gold' then 'free' else 'gold' end\n")
    seats = {"wanted_query": swapped, "course_seats": "seats"}
    swap = [
        "course 1 ('a'): 3 would join: 3, 6, 9",
        "course 1 ('a'): 6 would leave (suspended): 1, 2, 4, 5, 7, …",
        "course 2 ('b'): 6 would join: 1, 2, 4, 5, 7, …",
        "course 2 ('b'): 3 would leave (suspended): 3, 6, 9",
    ]
    assert foretold(empty, **seats)[1:-1] == swap
    await app.execute("update courses set seats = 2 where id = 1")
    swap[0] += "; 2 seats are free, so the rest would wait"
    assert foretold(empty, **seats)[1:-1] == swap
    listener(empty.url, "install", check=True, **seats)
    start_daemon(empty).wait_ready("leading")
    await eventually(app, "select count(*) from enrollments where course_id = 1 and status = 'active'", equals=2)
    await eventually(app, "select count(*) from listener.astray()", equals=1)
    assert await places(app) == {(1, "active"): 2, (1, "inactive"): 6, (2, "active"): 6, (2, "inactive"): 3}
    done = listener(empty.url, "install", "--plan")
    assert re.search(r"would join: \d; 0 seats are free, so the rest would wait; 1 of them waits already", done.stdout)


async def test_a_migration_does_not_wait_for_a_preview(empty: Database, app: Connection) -> None:
    """It takes half a minute, but for the migration, which deletes the profile that makes it slow."""
    school(empty, 1, None)
    slow = "select profiles.id from profiles where pg_sleep(30) is not null"
    counting = f"{LOOKING} and query like '%What would be done%' and state = 'active'"
    done = await migrate_beside(
        app, lambda: listener(empty.url, "install", "--plan", check=False, student_view=slow), counting
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2] == "who would join, leave, come back: nobody"


@pytest.mark.long
async def test_a_rule_that_is_changed_under_load_does_what_the_preview_said(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """People go on signing up: guests, whom neither rule concerns, and students of plan free, who land in course 1 by
    both."""
    school(empty, 3000, **SUSPEND)
    listener(empty.url, "sync")
    # Some had been in the new course, left, and come back with the new rule.
    await app.execute("update profiles set plan = 'new' where id % 30 = 0")
    listener(empty.url, "sync")
    await app.execute("update profiles set plan = 'gold' where id % 30 = 0")
    listener(empty.url, "sync")
    daemon = start_daemon(empty).wait_ready("leading")
    before = await places(app)
    assert before == {(1, "active"): 2000, (2, "active"): 1000, (3, "inactive"): 100}
    stop = anyio.Event()
    signed_up = 0

    async def sign_up(role: str) -> None:
        nonlocal signed_up
        connection = await connect(empty.url)
        try:
            while not stop.is_set():
                await connection.execute("insert into profiles (role) values ($1)", role)
                signed_up += role == "student"
                await anyio.sleep(0.005)
        finally:
            connection.terminate()

    async def run(*command: str) -> str:
        settings = {"wanted_query": ALL_IN_THE_NEW}
        return (await anyio.to_thread.run_sync(lambda: listener(empty.url, *command, check=True, **settings))).stdout

    async with anyio.create_task_group() as tasks:
        for role in ("guest", "student"):
            tasks.start_soon(sign_up, role)
        await eventually(app, "select count(*) > 3020 from profiles", equals=True)
        # Students who are on their way when the preview looks are none of the rule's doing.
        said = await run("install", "--plan")
        await run("install")
        await eventually(app, "select not exists (select from listener.blind_note)", equals=True, seconds=30)
        count = await app.fetchval("select count(*) from profiles")
        await eventually(app, "select count(*) > $1 from profiles", count + 20, equals=True)
        stop.set()
    await eventually(app, NOTHING_DUE, equals=True, seconds=30)
    lines = [line for line in said.splitlines() if line.startswith("course ") and not line.startswith("course 1 ")]
    assert lines == [
        "course 2 ('b'): 7 would join: 1, 2, 4, 5, 7, …",
        "course 2 ('b'): 1,000 would leave (suspended): 3, 6, 9, 12, 15, …",
        "course 3 ('c'): 900 would join: 3, 6, 9, 12, 15, …",
        "course 3 ('c'): 100 would come back: 30, 60, 90, 120, 150, …",
    ]
    assert signed_up > 40
    assert await places(app) == {
        (1, "active"): 2000 + signed_up,
        (2, "active"): 7,
        (2, "inactive"): 1000,
        (3, "active"): 900 + 100,
    }
    assert await app.fetchval(TWICE) == 0
    assert daemon.metric("listener_enrollments_created_total") == 7 + 900 + signed_up
    assert await app.fetch("select * from listener.wanted_missing") == []
    assert await app.fetch("select * from listener.course_drift") == []
    assert daemon.stop() == 0
