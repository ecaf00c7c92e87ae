"""A change that concerns everyone is noticed when it is rung, not with the next heartbeat; and looking for everyone,
which reads the tables as a whole, leaves the database time for others."""

import itertools
from collections.abc import Callable
from datetime import datetime

import anyio
import pytest

from listener.database.connection import Connection
from listener.repair.auditor import MAKE_GOOD_SHARE
from tests.conftest import Database
from tests.support.bell import HELD
from tests.support.campus import course, rule, school
from tests.support.eventually import eventually
from tests.support.explaining import person
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]

ENROLLED = "select count(*) from enrollments"
NONE_BLIND = "select count(*) from listener.blind_note"

SELDOM = {"heartbeat_seconds": 100, "audit_seconds": 1000, "sample_seconds": 1000}
"""So that nothing but a ring brings anything about."""

PLAN_OF_EVERYONE = """
select profiles.id, courses.id
from profiles cross join courses
where profiles.role = 'student' and courses.plan in (select prices.plan from prices where prices.cents = 0)
"""

SLOW = """
create function slow() returns boolean language plpgsql stable as 'begin perform pg_sleep(0.7); return true; end';
create view slow_prices as select * from prices where (select slow());
"""
SLOW_SECONDS = 0.7


async def test_a_course_is_full_long_before_the_next_heartbeat(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        for _ in range(3):
            await person(connection)
        daemon = start_daemon(database, **SELDOM).wait_ready("leading")
        await eventually(connection, NONE_BLIND, equals=0)
        await eventually(connection, HELD, equals=1)
        await course(connection)
        await eventually(connection, ENROLLED, equals=3)
        await course(connection, "gold")
        await connection.execute("update courses set plan = 'free'")
        await eventually(connection, ENROLLED, equals=6)
        assert daemon.metric("listener_heartbeat_seconds_count") < 10


@pytest.mark.long
async def test_so_it_is_where_the_feed_has_nothing_of_it(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    """A table that is no courses' either: nothing is noted but that something changed."""
    database = make_database(installed=False)
    async with school(database) as connection:
        await prices(connection, database, PLAN_OF_EVERYONE)
        await person(connection)
        await course(connection)
        start_daemon(database, **SELDOM).wait_ready("leading")
        await eventually(connection, NONE_BLIND, equals=0)
        await eventually(connection, HELD, equals=1)
        await connection.execute("update prices set cents = 0")
        await eventually(connection, ENROLLED, equals=1)


async def test_looking_for_everyone_is_followed_by_a_pause_in_proportion(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        await connection.execute("create table prices (plan text primary key, cents integer not null default 1)")
        await connection.execute(SLOW)
        await prices(
            connection,
            database,
            PLAN_OF_EVERYONE.replace("from prices", "from slow_prices as prices"),
            watch="prices(everyone);slow(audit)",
        )
        daemon = start_daemon(database, **SELDOM | {"heartbeat_seconds": 0.2}).wait_ready("leading")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(change_again_and_again, connection)
            with anyio.fail_after(60):
                await anyio.to_thread.run_sync(lambda: wait_until(lambda: len(made_good(daemon)) >= 3, "it is", 60))
            tasks.cancel_scope.cancel()
        pauses = [later - earlier for earlier, later in itertools.pairwise(made_good(daemon))]
        assert min(pauses[1:]) > SLOW_SECONDS * MAKE_GOOD_SHARE


async def prices(connection: Connection, database: Database, query: str, watch: str = "prices(everyone)") -> None:
    """Make courses cost what their plan costs, by a table that says so for everyone."""
    await connection.execute(
        "create table if not exists prices (plan text primary key, cents integer not null default 1)"
    )
    await connection.execute("insert into prices (plan) values ('free')")
    rule(database, query, watch=watch, wanted_plan="any")


async def change_again_and_again(connection: Connection) -> None:
    """Something that concerns everyone, ten times a second."""
    while True:
        await connection.execute("update prices set cents = cents + 1")
        await anyio.sleep(0.1)


def made_good(daemon: DaemonProcess) -> list[float]:
    """When it was done with looking for everyone, in Unix seconds."""
    return [datetime.fromisoformat(each["timestamp"]).timestamp() for each in daemon.events("made_good")]
