"""`listener undo`: what the listener did is as it was before, where nobody has touched it; the rest stays."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import brake, remembering
from tests.support.brake import ACTIVE, AS_THE_RULE_SAYS, HELD, TAKEN, installed, pay, settings, steps
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.remembering import COUNTS_ARE_RIGHT, LEDGER, ROWS, WRITE_DOWN, table

Make = Callable[..., Awaitable[Connection]]

NOBODY_PAYS = "delete from payments"
EVERYBODY_PAYS = "insert into payments (profile_id, course_id) select id, 1 from profiles on conflict do nothing"
SOME_MOVE = """
update payments set course_id = 3 - course_id
where profile_id % 3 = 0 and profile_id not in (select profile_id from payments group by 1 having count(*) > 1)
"""
MEND = "correct the rule, or what it reads, then `listener resume enroll`"
LOOK_AT_EVERYONE = "select * from listener.make_good_students()"
NOW = "select clock_timestamp()::text"


async def ruled(app: Connection, rule: dict[str, str]) -> None:
    """Install another rule, and have it followed."""
    await installed(app, rule)
    await app.fetch(LOOK_AT_EVERYONE)
    await steps(app)


async def undo(database: Database, *arguments: str, status: int = 0) -> dict[str, Any]:
    done = await asyncio.to_thread(listener, database.url, "undo", *arguments, "--json", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def said(database: Database, *arguments: str, status: int = 0) -> list[str]:
    done = await asyncio.to_thread(listener, database.url, "undo", *arguments, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("on_leave", ["keep", "suspend", "remove"])
async def test_rows_ledger_and_counts_are_as_they_were(school: Make, empty: Database, on_leave: str) -> None:
    """To the last row, with its own key and what the school has written into it, whatever happened to it in between."""
    app = await school(30, on_leave)
    await app.execute(
        "alter table enrollments add progress int, add half int generated always as (progress / 2) stored"
    )
    await pay(app, 10, 2)
    await app.execute("update payments set paid = false where profile_id % 5 = 0")
    await steps(app)
    await app.execute("update enrollments set progress = profile_id")
    await app.execute("update enrollments set status = 'completed' where profile_id % 6 = 0 and status = 'active'")
    rows, ledger = await table(app, ROWS), await table(app, LEDGER)
    since = await app.fetchval(NOW)
    draw = random.Random(on_leave)
    changes = [NOBODY_PAYS, "update payments set paid = not paid", SOME_MOVE, EVERYBODY_PAYS]
    for _ in range(6):
        await app.execute(draw.choice(changes))
        await pay(app, draw.randint(0, 3), draw.choice((1, 2)))
        await steps(app, most=draw.choice((5, 1000)))
    assert await table(app, ROWS) != rows
    found = await undo(empty, "--since", since)
    assert found["touched"] == found["refused"] == []
    assert sum(found["undone"].values()) == len(found["to_undo"]) > 10
    assert await table(app, ROWS) == rows
    assert await table(app, LEDGER) == ledger
    await steps(app)
    assert await table(app, ROWS) == rows, "nothing is done while it is paused"
    assert await app.fetchval(COUNTS_ARE_RIGHT)
    assert await said(empty, "--since", since) == ["nothing to undo"]


async def test_an_undo_can_be_undone(school: Make, empty: Database) -> None:
    app = await school(5)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    since = await app.fetchval(NOW)
    before = await table(app, ROWS), await table(app, LEDGER)
    assert (await undo(empty, "--since", "1 hour"))["undone"] == {}, "who was never there is as before"
    everybody = await app.fetchval("select min(at)::text from listener.history where done = 'removed'")
    assert (await undo(empty, "--since", everybody))["undone"] == {"returned": 5}
    assert await app.fetchval(ACTIVE) == 5
    assert (await undo(empty, "--since", since))["undone"] == {"removed": 5}
    assert (await table(app, ROWS), await table(app, LEDGER)) == before


async def test_it_says_what_it_would_do_and_does_nothing(school: Make, empty: Database) -> None:
    app = await school(8, "suspend")
    since = await app.fetchval(NOW)
    await pay(app, 2, 2)
    await app.execute("update payments set paid = false where profile_id <= 6")
    await steps(app)
    await app.execute("update enrollments set status = 'completed' where profile_id in (6, 9)")
    rows = await table(app, ROWS)
    lines = [
        "6 enrollments would be as before",
        "course 2 ('Go'): 1 not enrolled: 10",
        "course 1 ('Chess'): 5 active again: 1, 2, 3, 4, 5",
        "2 stay as they are, for somebody has touched them since: 9 in 2, 6 in 1",
    ]
    assert await said(empty, "--since", since, "--dry-run") == lines
    assert await table(app, ROWS) == rows
    assert await app.fetchval("select count(*) from listener.pause") == 0
    assert await said(empty, "--since", since, status=1) == [
        *lines,
        "undone: 5 active again, 1 not enrolled",
        "2 stay as they are, for somebody has touched them since: 9 in 2, 6 in 1",
        f"enrolling is paused, so that it is not done again: {MEND}",
    ]


@pytest.mark.parametrize(
    "touch",
    [
        "delete from enrollments where profile_id = 2",
        "delete from enrollments where profile_id = 2; insert into enrollments (profile_id, course_id) values (2, 1)",
        "update enrollments set status = 'inactive' where profile_id = 2",
    ],
    ids=["removed", "made again", "given another status"],
)
async def test_what_somebody_has_touched_stays(school: Make, empty: Database, touch: str) -> None:
    app = await school(3)
    await app.execute(touch)
    of_two = "select * from enrollments where profile_id = 2"
    before = await table(app, of_two)
    found = await undo(empty, "--since", "1 hour", status=1)
    assert found["touched"] == [{"profile": "2", "course": "1"}]
    assert found["undone"] == {"removed": 2}
    assert await table(app, of_two) == before


async def test_what_somebody_has_touched_between_two_steps_stays(school: Make, empty: Database) -> None:
    """A student was suspended, activated by hand, and suspended again."""
    app = await school(2, "suspend")
    since = await app.fetchval(NOW)
    await app.execute("update payments set paid = false")
    await steps(app)
    await app.execute("update enrollments set status = 'active' where profile_id = 2")
    await app.execute("update listener.made_enrollment set taken_back_at = null where profile_id = 2")
    await app.execute("update payments set paid = false where profile_id = 2")
    await app.execute("select listener.note_profiles(array[2], 'update')")
    await steps(app)
    assert await app.fetchval("select count(*) from listener.history where done = 'suspended'") == 3
    found = await undo(empty, "--since", since, status=1)
    assert (found["undone"], found["touched"]) == ({"returned": 1}, [{"profile": "2", "course": "1"}])


async def test_one_that_is_refused_keeps_nobody_else_and_is_said(school: Make, empty: Database) -> None:
    app = await school(250)
    await app.execute(
        "create table submissions (enrollment_id bigint references enrollments); insert into submissions values (7)"
    )
    lines = await said(empty, "--since", "1 hour", status=1)
    assert lines[-4:-2] == ["undone: 249 not enrolled", "1 was refused: `listener undo` tries again"]
    assert lines[-2].startswith("profile 7 in course 1: 23503: ")
    assert await table(app, "select id from enrollments") == [(7,)]
    await app.execute("drop table submissions")
    assert (await undo(empty, "--since", "1 hour"))["undone"] == {"removed": 1}


async def test_the_rule_before_is_in_force_again(school: Make, empty: Database) -> None:
    app = await school(40, brake="5")
    rows = await table(app, ROWS)
    wrong = settings(brake="none", history_days="30", wanted_query=f"{brake.RULE} and course_id = 2")
    await pay(app, 3, 2)
    await ruled(app, wrong)
    assert await app.fetchval(ACTIVE) == 3
    await app.execute(WRITE_DOWN)
    lines = await said(empty, "--rule", "last")
    assert lines[0] == "of rule 2:"
    assert lines[-1].startswith("the rule of 20")
    assert lines[-1].endswith(", by postgres, is in force again")
    assert await table(app, ROWS) == rows
    assert await app.fetchval("select count(*) from listener.pause") == 0
    assert await table(app, "select what, cause, count(*) from seen group by 1, 2 order by 1") == [
        ("in", "undo", 40),
        ("out", "undo", 3),
    ]
    await pay(app, 2)
    await app.fetch(LOOK_AT_EVERYONE)
    await steps(app)
    assert await app.fetchval(AS_THE_RULE_SAYS) == 0
    assert await app.fetchval(ACTIVE) == 45
    texts = await table(app, "select text from listener.rule order by number")
    assert texts[0] == texts[2] != texts[1]
    assert await app.fetchval("select mapping #>> '{settings,brake}' from listener.installation") == "none"


async def test_the_built_in_rule_is_in_force_again(database: Database, connection: Connection, course: None) -> None:
    await asyncio.to_thread(listener, database.url, "install", "--history-days", "30")
    before = await asyncio.to_thread(listener, database.url, "rule")
    student, guest = [
        await connection.fetchval("insert into profiles (role) values ($1) returning id", role)
        for role in ("student", "guest")
    ]
    await connection.fetchrow(brake.STEP, 100)
    everybody = "select profiles.id, courses.id from profiles cross join courses"
    await asyncio.to_thread(listener, database.url, "install", "--yes", "--wanted-query", everybody)
    await connection.fetch(LOOK_AT_EVERYONE)
    await steps(connection)
    assert await connection.fetchval("select count(*) from enrollments") == 2
    found = await undo(database, "--rule", "last")
    assert found["undone"] == {"removed": 1}
    assert found["to_undo"][0]["profile"] == str(guest)
    assert await connection.fetchval("select user_id from enrollments") == student
    assert (await asyncio.to_thread(listener, database.url, "rule")).stdout == before.stdout


async def test_without_a_rule_before_enrolling_is_paused(school: Make, empty: Database) -> None:
    app = await school(3)
    assert "paused, so that it is not done again" in (await said(empty, "--rule", "last"))[-1]
    await pay(app, 1)
    await steps(app)
    assert await app.fetchval(ACTIVE) == 0


async def test_a_rule_that_has_done_nothing_yet_is_not_left_in_force(school: Make, empty: Database) -> None:
    """The brake holds all that it would do."""
    app = await school(40, brake="5")
    await ruled(app, settings(brake="5", wanted_query=f"{brake.RULE} and course_id = 2"))
    assert await app.fetchval(HELD) == 40
    for last in ("is in force again", "nothing to undo"):
        assert (await said(empty, "--rule", "last"))[-1].endswith(last)
        await app.fetch(LOOK_AT_EVERYONE)
        await steps(app)
        assert await app.fetchval(HELD) == await app.fetchval(AS_THE_RULE_SAYS) == 0


async def test_a_rule_that_cannot_come_back_leaves_it_paused(school: Make, empty: Database) -> None:
    app = await school(3)
    await app.execute("create table scholarships (profile_id bigint primary key, course_id bigint)")
    await app.execute("insert into scholarships select id, 2 from profiles")
    await ruled(app, settings("keep", wanted_query="select profile_id, course_id from scholarships"))
    await app.execute("drop table payments")
    last = (await said(empty, "--rule", "last"))[-1]
    assert last.startswith("the rule before could not be installed (LISTENER_WANTED_QUERY: ")
    assert last.endswith(f"enrolling is paused: {MEND}")
    assert await app.fetchval("select count(*) from enrollments where course_id = 2") == 0


async def test_what_was_paused_before_stays_paused(school: Make, empty: Database) -> None:
    app = await school(3)
    await ruled(app, settings(wanted_query="select id, 2 from profiles"))
    await asyncio.to_thread(listener, empty.url, "pause", "enroll")
    assert (await said(empty, "--rule", "last"))[-1].endswith("; enrolling was paused before, and still is")


async def test_it_asks_no_brake_and_uses_none_up(school: Make, empty: Database) -> None:
    app = await school(100, brake="20")
    assert (await undo(empty, "--since", "1 hour"))["undone"] == {"removed": 100}
    assert await app.fetchval(TAKEN) == 0


async def test_columns_and_values_that_were_renamed_since_are_found(empty: Database) -> None:
    """The status is an enum; and an enrollment has no key of its own."""
    app = await remembering.school(empty.url, 0, "keep")
    await asyncio.to_thread(listener, empty.url, "uninstall")
    await app.execute(
        """drop table enrollments;
           create type state as enum ('active', 'inactive');
           create table enrollments (
               profile_id bigint references profiles, course_id bigint references courses, status state not null,
               primary key (profile_id, course_id)
           );"""
    )
    await installed(app, settings("suspend", history_days="30", brake="none"))
    await pay(app, 4)
    await steps(app)
    since = await app.fetchval(NOW)
    await app.execute("update payments set paid = false where profile_id > 1")
    await steps(app)
    await app.execute("alter table enrollments rename status to condition")
    await app.execute("select listener.follow()")
    assert (await undo(empty, "--since", since))["undone"] == {"returned": 3}
    assert await app.fetchval("select count(*) from enrollments where condition = 'active'") == 4
    app.terminate()


async def test_a_row_that_was_removed_later_has_the_status_of_before(school: Make, empty: Database) -> None:
    """It was suspended, came back, and was removed under another rule."""
    app = await school(2, "suspend")
    await app.execute("update payments set paid = false")
    await steps(app)
    rows, since = await table(app, ROWS), await app.fetchval(NOW)
    await app.execute("update payments set paid = true")
    await steps(app)
    await app.execute("update payments set paid = false")
    await ruled(app, settings("remove", brake="none"))
    assert await table(app, ROWS) == []
    assert (await undo(empty, "--since", since))["undone"] == {"returned": 2}
    assert await table(app, ROWS) == rows
    assert {row["status"] for row in await app.fetch(ROWS)} == {"inactive"}
    assert await table(app, LEDGER) == []


async def test_beside_a_daemon_at_work(
    school: Make, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """What it has in hand as the command begins is undone as well."""
    app = await school(0, "keep")
    start_daemon(empty, batch_size=20).wait_ready("leading")
    # What is made good is noted once more, and that note would have those enrolled who were undone.
    await eventually(app, "select count(*) from listener.blind_note", equals=0)
    await pay(app, 2000)
    await eventually(app, "select count(*) > 100 from enrollments", equals=True)
    found = await undo(empty, "--since", "1 hour")
    assert found["undone"]["removed"] > 100
    assert await app.fetchval("select count(*) from enrollments") == 0
    await asyncio.to_thread(listener, empty.url, "resume", "enroll")
    # Those who were not enrolled yet are: the others were handled, and no note says anything of them.
    await eventually(app, "select count(*) from enrollments", equals=2000 - found["undone"]["removed"], seconds=30)
    await eventually(app, COUNTS_ARE_RIGHT, equals=True)


@pytest.mark.parametrize("flags", [(), ("--since", "1 hour", "--rule", "last"), ("--rule", "3")])
def test_it_must_be_said_what_to_undo(empty: Database, flags: tuple[str, ...]) -> None:
    done = listener(empty.url, "undo", *flags, check=False)
    assert (done.returncode, done.stderr.startswith("listener: say what to undo: what was done")) == (2, True)


async def test_what_was_done_before_the_history_begins_is_said_to_stay(school: Make, empty: Database) -> None:
    app = await school(1)
    await app.execute("update listener.purged set history_from = clock_timestamp()")
    assert (await said(empty, "--since", "1 week", "--dry-run"))[0].endswith(": what was done before stays")
