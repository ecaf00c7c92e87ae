"""`install --plan` says who would join, leave and come back, changes nothing, and is right."""

import re
from collections.abc import AsyncIterator, Callable

import anyio
import asyncpg
import pytest

from listener.adapter.preview import MOST_SHOWN, Movement, Preview
from listener.connection import Connection
from tests.conftest import Database
from tests.support.cohorts import ALL_IN_THE_NEW, BY_PLAN, REMOVE, SUSPEND, TWICE, places, school, unnoticed
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.project import SUPPORT

NOTHING_DUE = """
select
    not exists (select from listener.blind_note)
    and not exists (select from listener.unhandled('enroll'))
    and not exists (select from listener.astray())
"""


@pytest.fixture
def empty(make_database: Callable[..., Database]) -> Database:
    return make_database(empty=True)


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(empty.url)
    yield connection
    connection.terminate()


def dump(database: Database) -> str:
    """All that is in the database, but for the tokens that pg_dump makes anew each time."""
    text = database.server.run("pg_dump", "-d", database.url).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def foretold(database: Database, **settings: object) -> list[str]:
    """What a preview says below the table of what was found; nothing may change, and no name be told."""
    before = dump(database)
    done = listener(database.url, "install", "--plan", check=False, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert dump(database) == before
    assert "Lovelace" not in done.stdout
    assert "The LMS in this database" in done.stdout
    lines = done.stdout.splitlines()
    return lines[next(number for number, line in enumerate(lines) if line.startswith("who would join")) :]


def test_before_an_installation_it_says_who_would_join_by_a_query(empty: Database) -> None:
    school(empty, 9, None)
    empty.server.psql(empty.name, "insert into enrollments (profile_id, course_id, status) values (1, 1, 'completed')")
    assert foretold(empty, wanted_query=BY_PLAN, **SUSPEND) == [
        "who would join, leave, come back: 8 join",
        "course 1: 5 would join: 2, 4, 5, 7, 8",
        "course 2: 3 would join: 3, 6, 9",
        "changed nothing; once this is installed, the daemon does it",
    ]


def test_before_an_installation_it_says_who_would_join_by_the_built_in_rule(empty: Database) -> None:
    school(empty, 9, None)
    empty.server.psql(empty.name, "insert into enrollments (profile_id, course_id) values (1, 3), (2, 2)")
    empty.server.psql(empty.name, "update profiles set role = 'teacher' where id = 3")
    assert foretold(empty) == [
        "who would join, leave, come back: 6 join",
        "course 1: 6 would join: 4, 5, 6, 7, 8, …",
        "changed nothing; once this is installed, `listener sync` does it",
    ]
    assert foretold(empty, default_course=2)[1] == "course 2: 6 would join: 4, 5, 6, 7, 8, …"
    empty.server.psql(empty.name, "delete from courses")
    assert foretold(empty)[1] == "no course: 8 would join: 1, 2, 4, 5, 6, …; they would wait for one"


def test_it_says_so_if_nobody_is_enrolled_by_the_listener(empty: Database) -> None:
    school(empty, 3, None)
    nothing = "nothing of it would be done: LISTENER_ACTIONS={} enrolls nobody"
    nobody = "who would join, leave, come back: nobody"
    assert foretold(empty, actions="count") == [nobody, nothing.format("count")]
    assert foretold(empty, actions="observe")[-1] == nothing.format("observe")


LEAVING = {
    "keep": ({}, [], {(1, "active"): 8, (2, "active"): 6, (3, "active"): 4}),
    "suspend": (
        SUSPEND,
        ["course 2: 4 would leave (suspended): 3, 6, 9, 12"],
        {(1, "active"): 8, (2, "active"): 2, (2, "inactive"): 4, (3, "active"): 4},
    ),
    "remove": (
        REMOVE,
        ["course 2: 4 would leave (removed): 3, 6, 9, 12"],
        {(1, "active"): 8, (2, "active"): 2, (3, "active"): 4},
    ),
}
FEW_IN_THE_NEW = ALL_IN_THE_NEW.replace("<= 10", "<= 2")


@pytest.mark.parametrize("leaving", LEAVING)
async def test_under_a_new_query_it_says_who_joins_and_leaves_as_then_happens(
    empty: Database, app: Connection, leaving: str
) -> None:
    settings, leave, after = LEAVING[leaving]
    school(empty, 12, **settings)
    listener(empty.url, "sync")
    expected = ["course 2: 2 would join: 1, 2", *leave, "course 3: 4 would join: 3, 6, 9, 12"]
    # What was said at the last installation still holds.
    assert foretold(empty, wanted_query=FEW_IN_THE_NEW)[1:-1] == expected
    listener(empty.url, "install", wanted_query=FEW_IN_THE_NEW)
    assert foretold(empty)[1:-1] == expected
    listener(empty.url, "sync")
    assert await places(app) == after
    assert foretold(empty)[0] == "who would join, leave, come back: nobody"


@pytest.mark.parametrize("settings", [SUSPEND, REMOVE], ids=lambda settings: settings["on_leave"])
async def test_it_says_who_would_come_back(empty: Database, app: Connection, settings: dict[str, str]) -> None:
    school(empty, 12, **settings)
    listener(empty.url, "sync")
    await app.execute("update profiles set role = 'guest' where id <= 4")
    listener(empty.url, "sync")
    # Of those who left, one is gone.
    await app.execute("delete from profiles where id = 4")
    everyone = BY_PLAN.replace("profiles.role = 'student'", "true")
    expected = ["course 1: 2 would come back: 1, 2", "course 2: 1 would come back: 3"]
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
        "course 1: 4 would join: 1, 2, 4, 5",
    ]
    listener(empty.url, "install", wanted_query="none")
    listener(empty.url, "sync")
    assert await places(app) == {(1, "active"): 4, (2, "active"): 2}


async def test_what_was_taken_away_by_hand_is_not_said_to_come_back_or_to_leave(
    empty: Database, app: Connection
) -> None:
    school(empty, 6, **SUSPEND)
    listener(empty.url, "sync")
    await app.execute("delete from enrollments where profile_id = 1")
    await app.execute("update enrollments set status = 'completed' where profile_id = 2")
    await app.execute("insert into enrollments (profile_id, course_id) values (1, 3)")
    nobody = BY_PLAN + " and profiles.id = 1"
    assert foretold(empty, wanted_query=nobody)[:-1] == [
        "who would join, leave, come back: 4 leave (suspended)",
        "course 1: 2 would leave (suspended): 4, 5",
        "course 2: 2 would leave (suspended): 3, 6",
    ]


async def test_it_says_who_waits_already_and_which_courses_there_are_not(empty: Database, app: Connection) -> None:
    school(empty, 6)
    await app.execute(
        "insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)"
        " values (1, 'failed', now()), (2, 'failed', now())"
    )
    nowhere = f"{BY_PLAN} union all select profiles.id, 77 from profiles where profiles.id > 4"
    assert foretold(empty, wanted_query=nowhere)[1:-1] == [
        "course 1: 4 would join: 1, 2, 4, 5; 2 of them wait already (`listener pending`)",
        "course 2: 2 would join: 3, 6",
        "course 77: 2 would join: 5, 6; there is no such course, so they would wait",
    ]


async def test_it_says_how_many_find_a_seat_once_those_who_leave_have_left(
    empty: Database, app: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    school(empty, 9, **SUSPEND)
    listener(empty.url, "sync")
    await app.execute("alter table courses add seats integer; update courses set seats = 4 where id = 1")
    swapped = BY_PLAN.replace("profiles.plan\n", "case profiles.plan when 'gold' then 'free' else 'gold' end\n")
    seats = {"wanted_query": swapped, "course_seats": "seats"}
    swap = [
        "course 1: 3 would join: 3, 6, 9",
        "course 1: 6 would leave (suspended): 1, 2, 4, 5, 7, …",
        "course 2: 6 would join: 1, 2, 4, 5, 7, …",
        "course 2: 3 would leave (suspended): 3, 6, 9",
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


def test_a_dry_run_of_sync_says_the_same_of_what_is_installed(empty: Database) -> None:
    school(empty, 9, **SUSPEND)
    listener(empty.url, "sync")
    empty.server.psql(empty.name, unnoticed("update profiles set plan = 'gold' where id <= 2"))
    numbers, *by_course = foretold(empty)[:-1]
    before = dump(empty)
    done = listener(empty.url, "sync", "--dry-run", check=False)
    assert done.returncode == 1
    assert numbers == "who would join, leave, come back: 2 join, 2 leave (suspended)"
    assert by_course == ["course 1: 2 would leave (suspended): 1, 2", "course 2: 2 would join: 1, 2"]
    wants = "bring everybody where the query of LISTENER_WANTED_QUERY wants them"
    assert done.stdout.splitlines() == [
        "What `listener sync` would do, in this order",
        "",
        f"1. {wants}: 2 join, 2 leave (suspended)",
        *(f"    {line}" for line in by_course),
        "",
        "Nothing was changed.",
    ]
    assert dump(empty) == before


def test_an_installation_of_another_version_is_previewed_too(
    make_database: Callable[..., Database],
) -> None:
    """It keeps no account of what it made; and the rule may have become a query meanwhile."""
    old = make_database(installed=False)
    old.server.psql(old.name, (SUPPORT / "installed_0_1_0.sql").read_text())
    old.server.psql(
        old.name, "insert into courses (title) values ('a'); insert into profiles (role) values ('student')"
    )
    by_query = "select profiles.id, courses.id from profiles cross join courses"
    for settings in ({}, {"wanted_query": by_query, **SUSPEND}):
        assert foretold(old, **settings)[0] == "who would join, leave, come back: 1 join"


def test_a_query_that_fails_for_somebody_is_one_line(empty: Database) -> None:
    school(empty, 6, None)
    query = "select profiles.id, 1 / (profiles.id - 4) from profiles"
    for command in (("install", "--plan"), ("diagnose",), ("sync", "--dry-run")):
        done = listener(empty.url, *command, check=False, wanted_query=query)
        assert done.returncode == 2
        assert done.stderr == "listener: LISTENER_WANTED_QUERY: fails on what is there: division by zero.\n"


def test_a_plan_is_said_or_printed(empty: Database) -> None:
    done = listener(empty.url, "install", "--plan", "--print", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--plan" in done.stderr
    assert "--print" in done.stderr


def test_of_many_courses_the_first_are_told_and_the_others_counted() -> None:
    movements = [Movement(str(number), True, "enrolled", number, 0, ("1",)) for number in range(1, MOST_SHOWN + 11)]
    lines = list(Preview(tuple(movements)).lines())
    assert lines[0] == f"who would join, leave, come back: {sum(range(MOST_SHOWN + 11)):,} join"
    assert lines[1] == "course 1: 1 would join: 1"
    assert len(lines) == MOST_SHOWN + 2
    assert lines[-1] == "and in 10 more courses"


async def test_a_migration_does_not_wait_for_a_preview(empty: Database, app: Connection) -> None:
    """It takes half a minute, but for the migration, which deletes the profile that makes it slow."""
    school(empty, 1, None)
    slow = "select profiles.id from profiles where pg_sleep(30) is not null"
    looking = (
        "select count(*) > 0 from pg_locks inner join pg_stat_activity using (pid)"
        " where relation = 'profiles'::regclass and application_name = 'listener-command' and granted"
        " and query like '%numbered%' and state = 'active'"
    )
    ended: list[tuple[int, str]] = []

    def run() -> None:
        done = listener(empty.url, "install", "--plan", check=False, student_view=slow)
        ended.append((done.returncode, done.stdout.splitlines()[-2]))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, run)
        await eventually(app, looking, equals=True)
        async with app.transaction():
            await app.execute("set local lock_timeout = '10s'")
            await app.execute("alter table profiles add column phone text; delete from profiles")
    assert ended == [(0, "who would join, leave, come back: nobody")]


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
        connection = await asyncpg.connect(empty.url)
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
    lines = [line for line in said.splitlines() if line.startswith("course ") and not line.startswith("course 1:")]
    assert lines == [
        "course 2: 7 would join: 1, 2, 4, 5, 7, …",
        "course 2: 1,000 would leave (suspended): 3, 6, 9, 12, 15, …",
        "course 3: 900 would join: 3, 6, 9, 12, 15, …",
        "course 3: 100 would come back: 30, 60, 90, 120, 150, …",
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
