"""The brake on joining: no more are enrolled within ten minutes than it allows, and the rest is held."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from listener.database.connection import Connection, tune
from listener.errors import WrongSetting
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import ACTIVE, pay, steps
from tests.support.connecting import connect
from tests.support.unhurried import UNHURRIED

Make = Callable[..., Awaitable[Connection]]

WAITS = "select count(*) from listener.pending_enrollment where reason = 'held'"
JOINED = "select coalesce(sum(number), 0)::bigint from listener.brake_use where kind = 'joining'"
LATER = "update listener.brake_use set slot = slot - interval '11 minutes'"
STUDENTS = {"student_predicate": "role = 'student'", "active_values": "active"}
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1)"


@pytest.fixture
async def school(empty: Database) -> AsyncIterator[Make]:
    """Makes a school in which nobody has paid yet: `await school(joining_brake="40")`."""
    made: list[Connection] = []

    async def make(on_leave: str = "keep", **settings: str) -> Connection:
        made.append(await brake.school(empty.url, 0, on_leave, **settings))
        return made[-1]

    yield make
    for each in made:
        each.terminate()


@pytest.fixture
async def plain(empty: Database) -> AsyncIterator[Make]:
    """Makes a school with the built-in rule: students land in course 1."""
    made: list[Connection] = []

    async def make(**settings: str) -> Connection:
        app: Connection = await connect(empty.url)
        made.append(app)
        await app.execute(brake.TABLES)
        await app.execute("delete from courses where id = 2")
        await brake.installed(app, STUDENTS | settings)
        return app

    yield make
    for each in made:
        each.terminate()


@pytest.mark.parametrize("on_leave", ["keep", "remove", "suspend"])
@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({"joining_brake": "40"}, 40), ({"joining_brake": "10%"}, 20), ({"joining_brake": "0"}, 0), ({}, 100)],
)
@pytest.mark.quarter
async def test_no_more_join_than_is_allowed(
    school: Make, on_leave: str, settings: dict[str, str], allowed: int
) -> None:
    """In batches of five."""
    app = await school(on_leave, **settings)
    for _ in range(20):
        await pay(app, 5)
    await steps(app, most=5)
    await steps(app)
    assert await app.fetchval(ACTIVE) == allowed
    assert await app.fetchval(WAITS) == 100 - allowed
    assert await app.fetchval(JOINED) == (allowed if settings else 0)
    assert await app.fetchval("select enrollments from courses where id = 1") == allowed
    assert await app.fetchval("select count(*) from listener.missed() where is_untold") == 0


async def test_of_a_batch_all_join_or_none(school: Make) -> None:
    app = await school(joining_brake="40")
    await pay(app, 41)
    await steps(app)
    assert await app.fetchval(WAITS) == 41
    assert await app.fetchval(JOINED) == await app.fetchval(ACTIVE) == 0


async def test_a_part_is_counted_of_all_that_are_active(school: Make) -> None:
    app = await school(joining_brake="10%")
    await app.execute("insert into profiles select from generate_series(1, 300)")
    await app.execute("insert into enrollments (profile_id, course_id) select id, 2 from profiles")
    await app.execute("update enrollments set status = 'completed' where id <= 50")
    await app.execute("select listener.count_made()")
    assert await app.fetchval("select listener.brake_allows('joining')") == 25
    assert await app.fetchval("select listener.brake_allows('leaving')") == 20


async def test_who_signs_up_goes_past_those_who_are_held(plain: Make) -> None:
    """A mistake holds up nobody who comes in the usual way, as far as the limit allows; and uses nothing up."""
    app = await plain(joining_brake="30")
    await app.execute("insert into profiles (role) select 'guest' from generate_series(1, 500)")
    await steps(app)
    await app.execute("update profiles set role = 'student'")
    await steps(app)
    assert await app.fetchval(WAITS) == 500
    for _ in range(30):
        await app.execute(SIGN_UP, 1)
        await steps(app)
    assert await app.fetchval(ACTIVE) == 30
    await app.execute(SIGN_UP, 1)
    await steps(app)
    assert await app.fetchval(ACTIVE) == 30
    assert await app.fetchval(WAITS) == 501
    # Ten minutes later nothing dribbles through, not by a change of those people either: 501 are more than 30.
    await app.execute(LATER)
    await app.execute("update profiles set role = 'guest' where id <= 10")
    await app.execute("update profiles set role = 'student' where id <= 10")
    for _ in range(3):
        await steps(app)
    assert await app.fetchval(ACTIVE) == 30


async def test_held_ones_that_fit_by_now_join(plain: Make) -> None:
    app = await plain(joining_brake="30")
    await app.execute(SIGN_UP, 25)
    await steps(app)
    await app.execute(SIGN_UP, 10)
    await steps(app)
    await steps(app)
    assert await app.fetchval(WAITS) == 10
    await app.execute(LATER)
    await steps(app)
    assert await app.fetchval(WAITS) == 0
    assert await app.fetchval(ACTIVE) == 35


async def test_who_is_wanted_no_more_is_no_longer_held(school: Make) -> None:
    app = await school(joining_brake="10")
    await pay(app, 50)
    await steps(app)
    assert await app.fetchval(WAITS) == 50
    await app.execute("delete from payments where profile_id in (select profile_id from payments limit 20)")
    await app.execute(
        "insert into enrollments (profile_id, course_id) select profile_id, course_id from payments limit 20"
    )
    await steps(app)
    assert await app.fetchval(WAITS) == 30
    # Of those who were enrolled by hand no note tells: the audit knows.
    await app.fetch("select * from listener.audit_students(false, '{}', 1000, 20)")
    await steps(app)
    await steps(app)
    assert await app.fetchval(WAITS) == 0
    assert await app.fetchval(ACTIVE) == 30
    assert await app.fetchval(JOINED) == 10


async def test_who_is_held_in_one_course_goes_on_in_another(school: Make) -> None:
    app = await school(joining_brake="10")
    await pay(app, 50)
    await steps(app)
    await app.execute(LATER)
    await app.execute("insert into payments (profile_id, course_id) select profile_id, 2 from payments limit 1")
    await steps(app)
    assert await app.fetchval(WAITS) == 50
    assert await app.fetchval(ACTIVE) == 1
    await brake.installed(app, brake.settings("keep", joining_brake="51"))
    await steps(app)
    await steps(app)
    assert await app.fetchval(WAITS) == 0
    assert await app.fetchval(ACTIVE) == 51


async def test_when_the_brake_is_taken_off_they_join(plain: Make) -> None:
    app = await plain(joining_brake="30")
    await app.execute(SIGN_UP, 100)
    await steps(app)
    assert await app.fetchval(WAITS) == 100
    await brake.installed(app, {"joining_brake": "none"})
    await app.execute(UNHURRIED)
    await steps(app)
    assert await app.fetchval(WAITS) == 0
    assert await app.fetchval(ACTIVE) == 100


async def test_who_cannot_join_uses_up_nothing(plain: Make, empty: Database) -> None:
    """A course whose row somebody holds, a trigger that turns them away."""
    app = await plain(joining_brake="5")
    other: Connection = await connect(empty.url)
    try:
        await other.execute("begin; select from courses where id = 1 for update")
        await app.execute(SIGN_UP, 5)
        for _ in range(5):
            await steps(app)
            await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
        assert await app.fetchval(JOINED) == 0
        await other.execute("rollback")
    finally:
        other.terminate()
    await app.execute(
        "create function nobody() returns trigger language plpgsql as 'begin return null; end';"
        " create trigger nobody before insert on enrollments for each row execute function nobody()"
    )
    for _ in range(3):
        await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
        await steps(app)
    assert await app.fetchval(JOINED) == 0
    await app.execute("drop trigger nobody on enrollments")
    await app.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await steps(app)
    assert await app.fetchval(ACTIVE) == await app.fetchval(JOINED) == 5


async def test_who_comes_back_joins(school: Make) -> None:
    app = await school("suspend", joining_brake="60", brake="none")
    await pay(app, 50)
    await steps(app)
    await app.execute(LATER)
    await app.execute("update payments set paid = false")
    await steps(app)
    assert await app.fetchval(ACTIVE) == 0
    await brake.installed(app, brake.settings("suspend", joining_brake="20", brake="none"))
    await app.execute("update payments set paid = true")
    await steps(app)
    assert await app.fetchval(ACTIVE) == 0
    assert await app.fetchval(WAITS) == 50
    await app.execute("update payments set paid = false where profile_id > 15")
    await steps(app)
    await steps(app)
    assert await app.fetchval(ACTIVE) == await app.fetchval("select count(*) from payments where paid") > 0


async def test_seats_are_given_to_nobody_who_is_held(school: Make) -> None:
    app = await school(joining_brake="5", course_seats="case when id = 1 then 4 end")
    await pay(app, 10)
    await steps(app)
    assert await app.fetchval(ACTIVE) == 4
    await pay(app, 10, 2)
    await steps(app)
    assert await app.fetchval(ACTIVE) == 4
    assert await app.fetchval(WAITS) == 10
    assert await app.fetchval("select count(*) from listener.waiting") == 6
    await app.execute("delete from enrollments where id in (select min(id) from enrollments)")
    await app.execute(LATER)
    for _ in range(3):
        await steps(app)
    assert await app.fetchval("select count(*) from enrollments where course_id = 1") <= 4
    await brake.installed(app, brake.settings(joining_brake="none", on_leave="keep", course_seats="4"))
    for _ in range(3):
        await steps(app)
    assert await app.fetchval("select array_agg(enrollments order by id) from courses") == [4, 4]
    assert await app.fetchval(WAITS) == 0


async def test_eight_at_once_enroll_just_what_is_allowed(school: Make, empty: Database) -> None:
    app = await school(joining_brake="400")
    await app.execute("set session_replication_role = replica")
    await pay(app, 2000)
    await brake.settle_by_eight(app, empty.url)
    assert await app.fetchval(ACTIVE) == await app.fetchval(JOINED) == 400


async def test_within_the_apps_own_transaction_nothing_is_locked_and_the_daemon_asks(
    plain: Make, empty: Database
) -> None:
    app = await plain(joining_brake="5")
    other: Connection = await connect(empty.url)
    try:
        await app.execute("begin")
        profile = await app.fetchval("insert into profiles default values returning id")
        assert await app.fetchval("select listener.enroll_now($1)", profile) is False
        await other.execute("set lock_timeout = '2s'; select from listener.brake for update")
        await app.execute("commit")
    finally:
        other.terminate()
    await steps(app)
    assert await app.fetchval("select listener.enroll_now($1)", profile) is True
    assert await app.fetchval(ACTIVE) == await app.fetchval(JOINED) == 1


async def test_nobody_waits_for_the_brake_who_enrolls_nobody(school: Make, empty: Database) -> None:
    app = await school("remove", joining_brake="50", brake="none")
    await pay(app, 20)
    await steps(app)
    other: Connection = await connect(empty.url)
    worker: Connection = await connect(empty.url)
    await tune(worker)
    try:
        await other.execute("begin; select from listener.brake for update")
        await app.execute("update payments set paid = false where profile_id <= 10")
        assert await worker.fetchval("select removed from listener.enroll(100)") == 10
        await pay(app, 1)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await worker.fetchval("select enrolled from listener.enroll(100)")
        await other.execute("rollback")
        assert await worker.fetchval("select enrolled from listener.enroll(100)") == 1
    finally:
        other.terminate()
        worker.terminate()


async def test_without_a_brake_on_joining_no_statement_knows_of_it(school: Make) -> None:
    app = await school("suspend", course_seats="10", history_days="3")
    code = await app.fetchval("select prosrc from pg_proc where oid = 'listener.settle'::regproc")
    assert not any(word in code for word in ("may_join", "joining", "listener.brake_use", "asks_to_join"))
    await brake.installed(app, brake.settings("suspend", joining_brake="5", course_seats="10", history_days="3"))
    code = await app.fetchval("select prosrc from pg_proc where oid = 'listener.settle'::regproc")
    assert "may_join" in code


@pytest.mark.parametrize("text", ["", "five", "-1", "101%"])
async def test_what_is_no_brake_is_refused_in_a_line(empty: Database, text: str) -> None:
    app: Connection = await connect(empty.url)
    try:
        await app.execute(brake.TABLES)
        with pytest.raises(WrongSetting, match=r"LISTENER_JOINING_BRAKE: cannot be .*, or `none`"):
            await brake.installed(app, STUDENTS | {"joining_brake": text})
    finally:
        app.terminate()
