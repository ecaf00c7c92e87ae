"""The brake: no more is taken back within ten minutes than it allows, and the rest is held."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from listener.database.connection import Connection, tune
from listener.errors import WrongSetting
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import ACTIVE, HELD, LATER, TAKEN, pay, steps
from tests.support.connecting import connect

Make = Callable[..., Awaitable[Connection]]

NOBODY_PAYS = "update payments set paid = false"
SOME_STOP = "update payments set paid = false where profile_id in (select profile_id from payments where paid limit $1)"


@pytest.fixture
async def school(empty: Database) -> AsyncIterator[Make]:
    """Makes a school: `await school(500, brake="40")`."""
    made: list[Connection] = []

    async def make(paid: int, on_leave: str = "remove", **settings: str) -> Connection:
        made.append(await brake.school(empty.url, paid, on_leave, **settings))
        return made[-1]

    yield make
    for each in made:
        each.terminate()


@pytest.mark.parametrize(
    ("on_leave", "paid", "settings", "allowed"),
    [
        ("remove", 500, {}, 25),
        ("suspend", 500, {}, 25),
        ("remove", 100, {}, 20),
        ("remove", 500, {"brake": "10 %"}, 50),
        ("remove", 100, {"brake": "0"}, 0),
        ("remove", 100, {"brake": "7"}, 5),
        ("remove", 500, {"brake": "2.5%"}, 20),
        ("suspend", 100, {"brake": "none"}, 100),
    ],
)
@pytest.mark.half
async def test_no_more_is_taken_back_than_is_allowed(
    school: Make, on_leave: str, paid: int, settings: dict[str, str], allowed: int
) -> None:
    """In batches of five: of seven only five are."""
    app = await school(paid, on_leave, **settings)
    await app.execute(NOBODY_PAYS)
    await steps(app, most=5)
    assert await app.fetchval(ACTIVE) == paid - allowed
    assert await app.fetchval(HELD) == paid - allowed
    assert await app.fetchval("select enrollments from courses where id = 1") == paid - allowed


async def test_of_a_batch_all_are_taken_back_or_none(school: Make) -> None:
    app = await school(500)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    assert await app.fetchval(ACTIVE) == await app.fetchval(HELD) == 500
    assert await app.fetchval(TAKEN) == 0


async def test_what_is_wanted_goes_on_and_nobody_slips_past_those_who_are_held(school: Make) -> None:
    app = await school(500, "suspend")
    await app.execute(SOME_STOP, 20)
    await steps(app)
    await app.execute("update payments set paid = false where paid and profile_id % 2 = 0")
    await steps(app)
    held = await app.fetchval(HELD)
    assert held > 200
    await app.execute(SOME_STOP, 1)
    # Some come back, and some are new.
    returned = "select profile_id from listener.made_enrollment where taken_back_at is not null"
    await app.execute(f"update payments set paid = true where profile_id in ({returned})")
    await pay(app, 30)
    await steps(app)
    assert await app.fetchval(HELD) == held + 1
    assert await app.fetchval(ACTIVE) == 530


@pytest.mark.parametrize("on_leave", ["remove", "suspend"])
async def test_who_is_wanted_again_is_no_longer_held(school: Make, on_leave: str) -> None:
    app = await school(300, on_leave)
    before = await app.fetch("select * from enrollments order by id")
    await app.execute(NOBODY_PAYS)
    await steps(app)
    assert await app.fetchval(HELD) == 300
    assert await app.fetch("select * from listener.astray()") == []
    await app.execute("update payments set paid = true")
    await steps(app)
    assert await app.fetchval(HELD) == 0
    assert await app.fetch("select * from enrollments order by id") == before


async def test_who_is_wanted_again_past_the_triggers_is_found_by_a_look_at_everyone(school: Make) -> None:
    app = await school(300)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    await app.execute("set session_replication_role = replica; update payments set paid = true where profile_id <= 10")
    await app.execute("reset session_replication_role")
    assert await app.fetchval("select count(*) from listener.astray() where should_be = 'kept'") == 10
    assert await app.fetchval("select noted from listener.audit_students(false, '{}', 1000, 20)") == 10
    await steps(app)
    assert await app.fetchval(HELD) == 290


async def test_held_ones_that_fit_by_now_are_taken_back(school: Make) -> None:
    app = await school(300, brake="100")
    await app.execute(SOME_STOP, 80)
    await steps(app)
    await app.execute(SOME_STOP, 30)
    await steps(app)
    assert await app.fetchval(HELD) == 30
    await steps(app)
    assert await app.fetchval(HELD) == 30
    await app.execute(LATER)
    await steps(app)
    assert await app.fetchval(HELD) == 0
    assert await app.fetchval(ACTIVE) == 190


async def test_they_fit_as_well_when_the_brake_is_set_looser_or_off(school: Make) -> None:
    app = await school(300, brake="100")
    await app.execute(NOBODY_PAYS)
    await steps(app)
    assert await app.fetchval(HELD) == 300
    await brake.installed(app, brake.settings(brake="none"))
    for _ in range(2):
        await steps(app)
    assert await app.fetchval(HELD) == await app.fetchval(ACTIVE) == 0


async def test_where_leaving_is_given_up_nothing_is_held(school: Make) -> None:
    app = await school(300)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    await brake.installed(app, brake.settings("keep"))
    assert await app.fetchval(HELD) == 0


async def test_who_has_completed_uses_up_nothing(school: Make) -> None:
    app = await school(300, brake="10")
    await app.execute("update enrollments set status = 'completed' where profile_id <= 290")
    await app.execute(NOBODY_PAYS)
    await steps(app)
    assert await app.fetchval(HELD) == 0
    assert await app.fetchval("select array[count(*), min(number)] from listener.brake_use") == [1, 10]
    assert await app.fetchval("select count(*) from enrollments where status = 'completed'") == 290


async def test_a_part_is_counted_of_those_that_are_active(school: Make) -> None:
    app = await school(1000)
    assert await app.fetchval("select listener.brake_allows('leaving')") == 50
    await app.execute("update enrollments set status = 'completed' where profile_id <= 400")
    await app.execute("insert into profiles (id) values (5000)")
    await app.execute("insert into enrollments (profile_id, course_id) values (5000, 1)")  # not the listener's
    await app.execute("select listener.count_made()")
    assert await app.fetchval("select listener.brake_allows('leaving')") == 30


async def test_who_completes_while_held_is_no_longer_held_after_an_audit(school: Make) -> None:
    app = await school(300)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    await app.execute("update enrollments set status = 'completed' where profile_id <= 290")
    await app.fetch("select * from listener.audit_students(false, '{}', 1000, 20)")
    await steps(app)
    # The ten who are left fit, then.
    await steps(app)
    assert await app.fetchval(HELD) == 0
    assert await app.fetchval(TAKEN) == 10


async def test_a_released_one_that_is_wanted_again_stays(school: Make) -> None:
    app = await school(300)
    await app.execute(NOBODY_PAYS)
    await steps(app)
    await app.execute("update listener.made_enrollment set held_since = null, released_at = now()")
    await app.execute("update payments set paid = true")
    await steps(app)
    assert await app.fetchval(ACTIVE) == 300
    assert await app.fetchval("select count(*) from listener.made_enrollment where released_at is not null") == 0


async def test_eight_at_once_take_back_just_what_is_allowed(school: Make, empty: Database) -> None:
    app = await school(2000, brake="400")
    await app.execute("set session_replication_role = replica; update payments set paid = false")
    await brake.settle_by_eight(app, empty.url)
    assert await app.fetchval(ACTIVE) == 1600
    assert await app.fetchval(TAKEN) == 400
    assert await app.fetchval(HELD) == 1600


async def test_nobody_waits_for_the_brake_who_takes_nothing_back(school: Make, empty: Database) -> None:
    app = await school(100)
    other: Connection = await connect(empty.url)
    worker: Connection = await connect(empty.url)
    await tune(worker)
    try:
        await other.execute("begin; select from listener.brake for update")
        await pay(app, 10)
        assert await worker.fetchval("select enrolled from listener.enroll(100)") == 10
        # One leaves: that waits, for no longer than for any lock.
        await app.execute(SOME_STOP, 1)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await worker.fetchval("select removed from listener.enroll(100)")
        await other.execute("rollback")
        assert await worker.fetchval("select removed from listener.enroll(100)") == 1
    finally:
        other.terminate()
        worker.terminate()


async def test_where_nobody_ever_leaves_there_is_no_brake(school: Make) -> None:
    app = await school(10, "keep")
    code = await app.fetchval("select prosrc from pg_proc where oid = 'listener.settle'::regproc")
    assert "may_take_back" not in code
    assert "made_enrollment" not in code.split("return query\n    with")[-1]


@pytest.mark.parametrize("text", ["", "five", "-1", "101%", "5 per cent", "1e3", "%", "9999999999999"])
async def test_what_is_no_brake_is_refused_in_a_line(empty: Database, text: str) -> None:
    app: Connection = await connect(empty.url)
    try:
        await app.execute(brake.TABLES)
        with pytest.raises(
            WrongSetting, match=r"LISTENER_BRAKE: cannot be .*: a number, a percentage up to 100%, or `none`"
        ):
            await brake.installed(app, brake.settings(brake=text))
    finally:
        app.terminate()
