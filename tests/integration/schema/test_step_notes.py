"""What `listener.step()` notes itself, by enrolling, is handled by a later step, exactly once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import LOCKED_HERE, eventually
from tests.support.postgres import two_versions

STEP = "select * from listener.step(retention => '1 day')"

INEXACT = """
select json_agg(course_live_count)::text
from listener.course_live_count
where active_enrollments <> (select count(*) from enrollments where course_id = course_live_count.id)
"""
BEHIND = """
select count(*) from courses where enrollments <> (select count(*) from enrollments where course_id = courses.id)
"""

REFUSED_COUNT = """
create function refuse() returns trigger language plpgsql as
$$ begin if new.title = 'closed' then raise exception 'closed'; end if; return new; end $$;
create trigger refuse before update on courses for each row execute function refuse();
"""

REACTION = """{{feed}},
applied as (insert into public.applied (note) select batch.id from batch)
select batch_summary.* from batch_summary where batch_summary.changes > 0
"""
INSTALLED = """
create table applied (note bigint not null);
insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot());
"""
NOT_APPLIED_ONCE = """
select json_agg(change)::text
from listener.change
where
    xid >= (select pg_snapshot_xmax(handled) from listener.checkpoint where consumer = 'test' and seq = 0)
    and (select count(*) from applied where note = change.id) <> 1
"""

HOLD = "select pg_advisory_lock(77, 1)"
LET_GO = "select pg_advisory_unlock(77, 1)"
WAITS = f"select count(*) from pg_locks where locktype = 'advisory' and classid = 77 and not granted and {LOCKED_HERE}"
# The test decides how long is waited, also on a busy machine: the step itself waits for no lock for long.
WAIT_ON_MOVE = """
create function wait() returns trigger language plpgsql set lock_timeout = 0 as
$$ begin perform pg_catalog.pg_advisory_xact_lock_shared(77, 1); return new; end $$;
create trigger wait before update on courses for each row execute function wait();
"""
WAIT_ON_DDL = """
create function wait() returns event_trigger language plpgsql set lock_timeout = 0 as
$$ begin perform pg_catalog.pg_advisory_xact_lock_shared(77, 1); end $$;
create event trigger wait on ddl_command_end execute function wait();
"""


@pytest.fixture(params=two_versions())
def postgres_version(request: pytest.FixtureRequest) -> int:
    """Both of them."""
    return int(request.param)


@pytest.fixture
async def stepping(connection: Connection, database: Database) -> AsyncIterator[Connection]:
    """A connection that steps, in a school where everything is handled: a course for new students, and another."""
    stepping: Connection = await asyncpg.connect(database.url)
    await connection.execute("insert into courses (title, price) values ('free', 0), ('closed', 9)")
    await steps(stepping, 3)
    yield stepping
    stepping.terminate()


async def steps(connection: Connection, number: int) -> None:
    for _ in range(number):
        row = await connection.fetchrow(STEP)
        assert row is not None
        assert row["problem"] is None, row["problem"]


async def enroll_by_hand_and_sign_up(connection: Connection) -> None:
    await connection.execute("insert into profiles (role) values ('teacher')")
    await connection.execute(
        "insert into enrollments (user_id, course_id)"
        " select profiles.id, courses.id from profiles, courses where title = 'closed'"
    )
    await connection.execute("insert into profiles (role) values ('student')")


async def step_with_a_sign_up_in_its_midst(stepping: Connection, app: Connection, holding: Connection) -> None:
    """The step waits; somebody signs up, whose number is higher than the step's; the step goes on."""
    await holding.execute(HOLD)
    step = asyncio.ensure_future(steps(stepping, 1))
    await eventually(app, WAITS, equals=1)
    await app.execute("insert into profiles (role) values ('student')")
    await holding.execute(LET_GO)
    await step


async def test_what_is_enrolled_after_a_batch_of_counts_was_refused_is_counted(
    stepping: Connection, connection: Connection
) -> None:
    """Nobody else is at work: the attempt that is refused takes a number of its own, which is over."""
    await connection.execute(REFUSED_COUNT)
    await enroll_by_hand_and_sign_up(connection)
    await steps(stepping, 4)
    assert await connection.fetchval(INEXACT) is None
    assert await connection.fetchval("select enrollments from courses where title = 'free'") == 1


async def test_what_is_enrolled_after_somebody_signed_up_meanwhile_is_seen_by_every_reaction(
    stepping: Connection, connection: Connection, database: Database
) -> None:
    holding: Connection = await asyncpg.connect(database.url)
    await connection.execute("insert into listener.reaction (name, text, hash) values ('test', $1, '')", REACTION)
    await connection.execute(INSTALLED)
    await connection.execute(WAIT_ON_MOVE)
    await enroll_by_hand_and_sign_up(connection)
    await step_with_a_sign_up_in_its_midst(stepping, connection, holding)
    await steps(stepping, 4)
    assert await connection.fetchval(NOT_APPLIED_ONCE) is None
    assert await connection.fetchval(BEHIND) == 0
    holding.terminate()


async def test_what_is_enrolled_after_a_rename_was_followed_is_counted(
    stepping: Connection, connection: Connection, database: Database
) -> None:
    holding: Connection = await asyncpg.connect(database.url)
    await enroll_by_hand_and_sign_up(connection)
    await connection.execute("alter table courses rename column price to amount")
    await connection.execute(WAIT_ON_DDL)
    await step_with_a_sign_up_in_its_midst(stepping, connection, holding)
    await steps(stepping, 4)
    assert await connection.fetchval("select count(*) from enrollments") == 3
    assert await connection.fetchval(INEXACT) is None
    assert await connection.fetchval(BEHIND) == 0
    await connection.execute("drop event trigger wait")
    holding.terminate()
