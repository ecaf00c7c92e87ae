"""`listener.step()`: what the daemon does, as SQL alone, for a school that has no place for a process."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.exact import INEXACT, MISSING, TWICE
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

STEP = "select * from listener.step()"


@pytest.fixture
async def course(connection: Connection) -> object:
    """A course to be enrolled in."""
    return await connection.fetchval("insert into courses (title, price) values ('course', 0) returning id")


async def step_until_done(connection: Connection) -> int:
    """So many rounds as there is something left to do."""
    for number in range(1, 100):
        row = await connection.fetchrow(STEP)
        assert row is not None
        assert row["leads"]
        assert row["problem"] is None, row["problem"]
        if not row["notes_left"]:
            return number
    raise AssertionError("it does not come to an end")


@pytest.mark.usefixtures("course")
async def test_a_few_rounds_do_what_a_daemon_would_and_each_is_bounded(connection: Connection) -> None:
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 5000)")
    first = await connection.fetchrow(STEP)
    assert first is not None
    assert 0 < first["enrolled"] <= 2000
    assert first["notes_left"]
    await step_until_done(connection)
    assert await connection.fetchval("select count(*) from enrollments") == 5000
    assert await connection.fetchval("select enrollments from courses") == 5000
    await connection.execute("delete from enrollments where user_id in (select id from profiles limit 10)")
    await step_until_done(connection)
    assert await connection.fetchval("select enrollments from courses") == 4990


@pytest.mark.usefixtures("course")
async def test_beside_a_daemon_it_does_nothing(
    connection: Connection, database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    row = await connection.fetchrow(STEP)
    assert row is not None
    assert (row["leads"], row["enrolled"], row["problem"]) == (False, 0, None)
    daemon.stop()
    await connection.execute("insert into profiles (role) values ('student')")
    await step_until_done(connection)
    assert await connection.fetchval(MISSING) == 0
    started = start_daemon(database).wait_ready("leading")
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, MISSING, equals=0)
    await eventually(connection, INEXACT, equals=0)
    assert not started.events("lock_squatted")


@pytest.mark.usefixtures("course")
async def test_many_at_once_and_some_that_are_ended_apply_everything_once(
    connection: Connection, database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    done = asyncio.Event()

    async def steps() -> None:
        while not done.is_set():
            stepping: Connection = await asyncpg.connect(database.url)
            try:
                for _ in range(20):
                    row = await stepping.fetchrow(STEP)
                    assert row is not None
                    assert row["problem"] is None, row["problem"]
                    await asyncio.sleep(0)
            except (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, asyncpg.InternalClientError):
                pass  # ended, in the middle of something
            finally:
                stepping.terminate()

    async def signing_up() -> None:
        app: Connection = await asyncpg.connect(database.url)
        for number in range(60):
            await app.execute("insert into profiles (role) select 'student' from generate_series(1, 20)")
            await app.execute("delete from enrollments where user_id in (select user_id from enrollments limit 1)")
            if number % 10 == 9:
                await app.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where query like '%listener.step()%' and datname = current_database()"
                    " and pid <> pg_backend_pid() limit 1"
                )
        await app.close()
        done.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(steps())
        tasks.create_task(signing_up())
    daemon = start_daemon(database).wait_ready("leading")  # it goes on where they stopped
    await eventually(connection, "select exists (select from listener.unhandled('count'))", equals=False)
    daemon.stop()
    await step_until_done(connection)
    assert await connection.fetchval(INEXACT) == 0
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetchval("select count(*) from profiles") == 1200
    assert await connection.fetchval(MISSING) <= 60, "but for those whom the application took out again"


@pytest.mark.parametrize("code", ["P0001", "P0004"])
@pytest.mark.usefixtures("course")
async def test_one_whom_the_lms_refuses_waits_and_is_tried_again(connection: Connection, code: str) -> None:
    first = "new.user_id in (select id from profiles where role = 'student' order by id limit 1)"
    await connection.execute(refuse(first, "has not paid", code))
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 10)")
    row = await connection.fetchrow(STEP)
    assert row is not None
    assert (row["enrolled"], row["pending"], row["problem"]) == (9, 1, None)
    assert "has not paid" in await connection.fetchval("select error from listener.pending_enrollment")
    await connection.execute("drop trigger refuse on enrollments")
    await connection.execute("update listener.pending_enrollment set next_attempt_at = now()")
    await step_until_done(connection)
    assert await connection.fetchval(MISSING) == 0
    assert await connection.fetchval(INEXACT) == 0
    assert await connection.fetchval("select count(*) from listener.pending_enrollment") == 0


@pytest.mark.usefixtures("course")
async def test_what_is_paused_waits(connection: Connection, database: Database) -> None:
    await asyncio.to_thread(listener, database.url, "pause", "enroll")
    await connection.execute("insert into profiles (role) values ('student')")
    await step_until_done(connection)
    assert await connection.fetchval(MISSING) == 1
    await asyncio.to_thread(listener, database.url, "resume", "enroll")
    await step_until_done(connection)
    assert await connection.fetchval(MISSING) == 0


@pytest.mark.usefixtures("course")
async def test_in_a_transaction_that_has_written_it_is_refused_in_one_line(connection: Connection) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into profiles (role) values ('student')")
    with pytest.raises(asyncpg.ActiveSQLTransactionError, match="must run in a transaction of its own") as refused:
        await connection.fetchrow(STEP)
    await transaction.rollback()
    assert "\n" not in str(refused.value.message)


@pytest.mark.usefixtures("course")
async def test_notes_are_purged_once_they_are_old_enough(connection: Connection) -> None:
    await connection.execute("insert into profiles (role) values ('student')")
    await step_until_done(connection)
    assert await connection.fetchval("select count(*) from listener.change") > 0
    for _ in range(3):
        await connection.fetchrow("select * from listener.step(retention => '0')")
    assert await connection.fetchval("select count(*) from listener.change") == 0
    assert await connection.fetchval("select count(*) from listener.checkpoint") == 2


@pytest.mark.usefixtures("course")
async def test_a_column_that_was_renamed_is_followed_and_who_came_meanwhile_is_told_of(
    connection: Connection, database: Database
) -> None:
    await connection.execute("alter table profiles rename column role to kind")
    await connection.execute("insert into profiles (kind) values ('student')")
    row = await connection.fetchrow(STEP)
    assert row is not None
    assert row["problem"] is None
    assert row["blind_notes"] > 0
    await connection.execute("insert into profiles (kind) values ('student')")
    await step_until_done(connection)
    assert await connection.fetchval("select count(*) from enrollments") == 1
    await asyncio.to_thread(listener, database.url, "sync")
    await step_until_done(connection)
    assert await connection.fetchval("select array[count(*), (select enrollments from courses)] from enrollments") == [
        2,
        2,
    ]


async def test_a_query_is_heeded_with_its_seats_and_those_who_leave(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    asked = {
        "wanted_query": "select profiles.id, courses.id from profiles cross join courses where role = 'student'",
        "on_leave": "remove",
    }
    await asyncio.to_thread(listener, database.url, "install", **asked)  # type: ignore[arg-type]
    connection: Connection = await asyncpg.connect(database.url)
    try:
        await connection.execute("insert into courses (title) select 'course' from generate_series(1, 3)")
        profile = await connection.fetchval("insert into profiles (role) values ('student') returning id")
        await step_until_done(connection)
        assert await connection.fetchval("select count(*) from enrollments") == 3
        assert await connection.fetchval(INEXACT) == 0
        await connection.execute("update profiles set role = 'teacher' where id = $1", profile)
        await step_until_done(connection)
        assert await connection.fetchval("select count(*) from enrollments") == 0
        assert await connection.fetchval(INEXACT) == 0
    finally:
        connection.terminate()


@pytest.fixture
async def worker(database: Database, connection: Connection) -> AsyncIterator[Connection]:
    """A connection under the daemon's own role."""
    role = f"stepper_{database.name}"
    await connection.execute(f"create role {role} login")
    await asyncio.to_thread(listener, database.url, "install", "--grant-to", role)
    stepping: Connection = await asyncpg.connect(database.url, user=role)
    yield stepping
    stepping.terminate()
    await connection.execute(f"drop owned by {role}; drop role {role}")


@pytest.mark.usefixtures("course")
async def test_the_daemons_role_may_run_it_and_nobody_else(connection: Connection, worker: Connection) -> None:
    await connection.execute("insert into profiles (role) values ('student')")
    await step_until_done(worker)
    assert await connection.fetchval(MISSING) == 0
    assert not await connection.fetchval(
        "select has_function_privilege('public', 'listener.step(integer, interval)', 'execute')"
    )
