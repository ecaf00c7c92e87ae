"""`listener install` beside a daemon at work: functions are dropped and made again while statements have them in hand,
and tables are held for a moment. Nobody who signs up notices, and the daemon goes on as before."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from listener.commands.failures import of_statement, told
from listener.daemon.doorbell import Doorbell
from listener.daemon.polling import PollingExecutor
from listener.database.connection import Connection
from listener.database.executors import LimitedExecutor, StatementLimit, TimedExecutor
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import LOCKED_HERE, all_handled, eventually
from tests.support.process import DaemonProcess
from tests.support.reactions import WELCOME, Folder

StartDaemon = Callable[..., DaemonProcess]

INSTALLATIONS = 8
QUERY = "select profiles.id, courses.id from profiles cross join courses where profiles.role in ('student', '{}')"

FUNCTION = "create function public.in_hand() returns integer language plpgsql as 'begin return {}; end'"
SLEEPING = """
create function public.asleep() returns integer language plpgsql as
$$ begin perform pg_sleep(1); perform from public.profiles; return 0; end $$
"""
ASLEEP = "select public.asleep() + public.in_hand() as answer"
"""With the lock of a table, the session learns after its sleep of what was dropped meanwhile."""

HELD = """
create table public.held (number integer);
create function public.within() returns integer language plpgsql as
$$ begin return public.in_hand() + (select count(*) from public.held); end $$
"""
READS_FUNCTION_THEN_TABLE = {
    "statement": "select public.in_hand() + (select count(*) from public.held) as answer",
    "function": "select public.within() as answer",
}
ARMED_BY_READING = """
create or replace function listener.arm_bell(seconds integer) returns boolean language plpgsql as
$$ begin return public.within() > 0; end $$
"""

WAITS = f"select count(*) from pg_locks where relation = 'public.held'::regclass and not granted and {LOCKED_HERE}"
SLEEPS = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


async def made_again(installer: Connection, times: int) -> None:
    """Drop and make the function again whenever a statement that has it in hand is asleep."""
    for number in range(times):
        await eventually(installer, SLEEPS, equals=1)
        await installer.execute(f"begin; drop function public.in_hand(); {FUNCTION.format(number + 1)}; commit")


async def asks(path: str, connection: Connection) -> Callable[[str], Awaitable[Any]]:
    """One of the ways in which the daemon asks."""
    doorbell = Doorbell(connection)
    await doorbell.listen()
    found: dict[str, Callable[[str], Awaitable[Any]]] = {
        "timed": TimedExecutor(connection, 10, lambda: None).fetchrow,
        "limited": LimitedExecutor(connection, 10, lambda: None, 5, StatementLimit(connection)).fetchrow,
        "polling": PollingExecutor(connection, 10, lambda: None).fetchrow,
        "heartbeat": partial(doorbell.heartbeat, 10.0),
    }
    return found[path]


def answer_in(answer: Any) -> int:
    """What the statement said."""
    row = answer[1] if isinstance(answer, tuple) else answer
    assert row is not None
    return int(row["answer"])


@pytest.mark.parametrize("path", ["timed", "limited", "polling", "heartbeat"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.half
async def test_a_statement_whose_function_is_made_again_while_it_runs_is_asked_again(
    database: Database, connection: Connection, path: str, times: int
) -> None:
    await connection.execute(f"{FUNCTION.format(0)}; {SLEEPING}")
    ask = await asks(path, connection)
    installer: Connection = await connect(database.url)  # before: on a slow machine that takes as long as the sleep
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(made_again(installer, times))
            answer = await ask(ASLEEP)
    finally:
        installer.terminate()
    assert answer_in(answer) == times


async def while_made_again(database: Database, ask: Callable[[], Awaitable[Any]]) -> Any:
    """What is answered to something that waits for the table while the function is made again."""
    installer: Connection = await connect(database.url)
    await installer.execute(
        f"begin; lock table public.held in access exclusive mode; drop function public.in_hand(); {FUNCTION.format(1)}"
    )

    async def commit() -> None:
        await eventually(installer, WAITS, equals=1)
        await installer.execute("commit")

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(commit())
            return await ask()
    finally:
        installer.terminate()


@pytest.mark.parametrize("path", ["timed", "limited", "heartbeat"])
@pytest.mark.parametrize("where", READS_FUNCTION_THEN_TABLE)
async def test_a_statement_that_waited_for_a_table_while_its_function_was_made_again_is_read_again(
    database: Database, connection: Connection, path: str, where: str
) -> None:
    """Postgres keeps what it read before the wait: by itself, each further attempt fails as the first one did."""
    await connection.execute(f"{FUNCTION.format(0)}; {HELD}")
    ask = await asks(path, connection)
    answer = await while_made_again(database, lambda: ask(READS_FUNCTION_THEN_TABLE[where]))
    assert answer_in(answer) == 1


async def test_nor_does_the_bell_stay_unarmed(database: Database, connection: Connection) -> None:
    await connection.execute(f"{FUNCTION.format(0)}; {HELD}; {ARMED_BY_READING}")
    assert await while_made_again(database, Doorbell(connection).hold)


async def test_an_internal_error_that_is_somebody_elses_comes_back_at_once(connection: Connection) -> None:
    await connection.execute(
        "create sequence tries; create function public.broken() returns integer language plpgsql as "
        "$$ begin perform nextval('public.tries'); raise exception 'no' using errcode = 'XX000'; end $$"
    )
    with pytest.raises(asyncpg.InternalServerError, match=r"^no$"):
        await TimedExecutor(connection, 10, lambda: None).fetchrow("select public.broken()")
    assert await connection.fetchval("select last_value from tries") == 1


@pytest.mark.parametrize("rule", ["predicate", "query"])
@pytest.mark.half
async def test_a_daemon_at_work_goes_on_as_before_and_no_sign_up_fails(
    database: Database,
    connection: Connection,
    queued: None,
    folder: Folder,
    start_daemon: StartDaemon,
    rule: str,
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 0)")
    folder.write("welcome", WELCOME)
    folder.install()
    daemon = start_daemon(database, heartbeat_seconds=1, sample_seconds=0.3, audit_seconds=0.5).wait_ready("leading")
    done = asyncio.Event()

    async def signing_up() -> int:
        app: Connection = await connect(database.url)
        signed_up = 0
        while not done.is_set():
            signed_up += 1
            profile = await app.fetchval("insert into profiles (role) values ('student') returning id")
            await app.execute("update profiles set role = 'pupil' where id = $1", profile)
            await app.execute("update profiles set role = 'student' where id = $1", profile)
            await asyncio.sleep(0.005)
        app.terminate()
        return signed_up

    async def installing() -> None:
        try:
            for number in range(INSTALLATIONS):
                installer: Connection = await connect(database.url)
                name = f"kind{number}"
                settings = (
                    {"student_predicate": f"role in ('student', '{name}')"}
                    if rule == "predicate"
                    else {"wanted_query": QUERY.format(name)}
                )
                assert await install.install(installer, await install.plan(installer, settings))
                installer.terminate()
                await asyncio.sleep(0.2)
        finally:
            done.set()

    async with asyncio.TaskGroup() as tasks:
        people = [tasks.create_task(signing_up()) for _ in range(2)]
        tasks.create_task(installing())
    signed_up = sum(each.result() for each in people)
    await all_handled(connection)
    await eventually(connection, "select count(*) from listener.pending_enrollment", equals=0)
    assert await connection.fetchval("select count(*) from profiles") == signed_up
    enrolled = "select count(distinct user_id) from enrollments"
    await eventually(connection, enrolled, equals=signed_up)
    await eventually(connection, "select sum(enrollments) from courses", equals=signed_up)
    await eventually(connection, "select count(*) from welcome_queue", equals=signed_up)
    at_work = 'listener_errors_total{{kind="{}"}}'
    assert [daemon.metric(at_work.format(kind)) for kind in ("connection", "heartbeat", "fenced")] == [0, 0, 0], (
        daemon.text()
    )
    told = [each for each in daemon.events() if each["level"] in ("warning", "error")]
    assert not told, daemon.text()
    assert len(daemon.events("connected")) == 1


async def test_a_command_that_meets_what_is_made_again_says_so_and_to_try_again(
    database: Database, connection: Connection
) -> None:
    await connection.execute(f"{FUNCTION.format(0)}; {HELD}")
    with pytest.raises(ExceptionGroup) as refused:
        await while_made_again(database, lambda: connection.fetchval(READS_FUNCTION_THEN_TABLE["statement"]))
    (error,) = refused.value.exceptions
    assert isinstance(error, asyncpg.InternalServerError)
    (line,), status = told(of_statement(error))
    assert (line.endswith("): try again. Nothing after it was done."), status) == (True, 2), line
