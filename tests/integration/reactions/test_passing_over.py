"""Counting passes over a backlog of sign-ups, so that counts follow the enrollments while it is drained."""

import json
from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.database.executors import Executors
from listener.feed.consumer import Batch, Consumer
from listener.instruments.instruments import Instruments
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.counting import PASSING
from listener.reactions.reaction import BuiltIn
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

STUDENTS = 2000
SIGN_UPS = f"""
do $$
begin
    for number in 1..{STUDENTS} loop
        insert into profiles (role) values ('student');
        commit;
    end loop;
end
$$
"""
SIZE = 200
COUNTED = "select enrollments from courses"

REFUSE = f"""
create sequence refused;
create function refuse() returns trigger language plpgsql as $$
begin
    perform nextval('public.refused');
    raise exception 'too far';
end $$;
create trigger refuse before insert on listener.checkpoint for each row
when (new.consumer = 'count' and new.changes > {SIZE}) execute function refuse();
"""
"""Nothing takes the checkpoint of counts further than a batch would; each attempt takes a number."""
REFUSED = "select case when is_called then last_value else 0 end from refused"


@pytest.fixture
def enroll() -> Consumer:
    return BuiltIn("enroll").together


@pytest.fixture
def count() -> Consumer:
    return BuiltIn("count", passing=PASSING).together


async def batch(consumer: Consumer, daemon: Connection) -> Batch:
    taken = await consumer.react(daemon, SIZE, 20)
    assert taken is not None
    return taken


async def test_counts_follow_the_enrollments_with_the_backlog_still_there(
    connection: Connection, daemon: Connection, enroll: Consumer, count: Consumer
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await batch(count, daemon)  # the course's own note
    await connection.execute(SIGN_UPS)
    await batch(enroll, daemon)
    assert not (await batch(count, daemon)).passed_over, "who knows what the next notes are about"

    passed = await batch(count, daemon)
    assert passed.passed_over
    assert passed.notes_left
    assert passed.changes == STUDENTS - SIZE
    for _ in range(3):
        counted = await batch(count, daemon)
        assert not counted.passed_over
        assert await connection.fetchval(COUNTED) == await connection.fetchval("select count(*) from enrollments") > 0
        await batch(enroll, daemon)
    assert await connection.fetchval("select count(*) from listener.unhandled('enroll')") > STUDENTS / 2


async def test_what_was_in_flight_and_moves_a_count_is_not_passed_over(
    connection: Connection, database: Database, daemon: Connection, count: Consumer
) -> None:
    course = await connection.fetchval("insert into courses (title, price) values ('a', 1) returning id")
    guest = await connection.fetchval("insert into profiles (role) values ('guest') returning id")
    slow: Connection = await connect(database.url)
    await slow.execute("begin")
    await slow.execute("insert into enrollments (user_id, course_id) values ($1, $2)", guest, course)
    await connection.execute(SIGN_UPS)
    assert not (await batch(count, daemon)).passed_over
    await slow.execute("commit")
    await slow.close()
    assert not (await batch(count, daemon)).passed_over, "it comes first"
    assert await connection.fetchval(COUNTED) == 1
    while await count.react(daemon, SIZE, 20) is not None:
        pass
    assert await connection.fetchval(COUNTED) == 1


async def test_what_was_counted_ahead_of_its_turn_is_not_handled_once_more_by_passing_over(
    connection: Connection, daemon: Connection, count: Consumer
) -> None:
    course = await connection.fetchval("insert into courses (title, price) values ('a', 1) returning id")
    guest = await connection.fetchval("insert into profiles (role) values ('guest') returning id")
    await connection.execute(SIGN_UPS)
    await connection.execute("insert into enrollments (user_id, course_id) values ($1, $2)", guest, course)
    ahead = await daemon.fetchrow("select * from listener.count(1, fresh => true)")
    assert ahead is not None
    assert ahead["moved"] == 1
    assert not (await batch(count, daemon)).passed_over
    assert (await batch(count, daemon)).passed_over

    handled = "select sum(changes) from listener.checkpoint where consumer = 'count'"
    assert await connection.fetchval(handled) == await connection.fetchval("select count(*) from listener.change")
    assert await connection.fetchval("select count(*) from listener.unhandled('count')") == 0
    assert await connection.fetchval("select count(*) from listener.ahead") == 0


async def test_what_is_passed_over_was_handled_once(
    connection: Connection, database: Database, daemon: Connection, count: Consumer
) -> None:
    """The beginning of a transaction that was cut was said before; who was in flight then is said now."""
    slow: Connection = await connect(database.url)
    await slow.execute("begin")
    await slow.execute("insert into profiles (role) values ('student')")
    await connection.execute(SIGN_UPS.replace("commit;", ""))
    assert (await batch(count, daemon)).changes == SIZE
    await slow.execute("commit")
    await slow.close()
    passed = await batch(count, daemon)
    assert passed.passed_over
    assert passed.changes == STUDENTS - SIZE + 1
    assert await connection.fetchval("select count(*) from listener.unhandled('count')") == 0


async def test_a_transaction_that_holds_all_that_may_be_passed_over_is_left_to_batches(
    connection: Connection, daemon: Connection, count: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes before it: passing over would get nowhere."""
    monkeypatch.setattr("listener.feed.consumer.MOST_PASSED_OVER", SIZE)
    await connection.execute(SIGN_UPS.replace("commit;", ""))
    handled = 0
    while (taken := await count.react(daemon, SIZE, 20)) is not None:
        assert not taken.passed_over
        handled += taken.changes
    assert handled == STUDENTS


async def test_the_daemon_passes_over_them(
    connection: Connection, database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute(SIGN_UPS)
    start_daemon(database, batch_size=SIZE).wait_ready("leading")
    await eventually(connection, COUNTED, equals=STUDENTS)
    most = "select max(changes) from listener.checkpoint where consumer = $1"
    assert await connection.fetchval(most, "enroll") <= SIZE
    assert await connection.fetchval(most, "count") > STUDENTS / 2


async def test_one_that_fails_is_left_to_batches_until_the_next_backlog(
    connection: Connection, daemon: Connection, count: Consumer
) -> None:
    await connection.execute(SIGN_UPS)
    await connection.execute(REFUSE)
    handled = (await batch(count, daemon)).changes
    with pytest.raises(asyncpg.RaiseError, match="too far"):
        await count.react(daemon, SIZE, 20)
    while (taken := await count.react(daemon, SIZE, 20)) is not None:
        assert not taken.passed_over
        handled += taken.changes
    assert handled == STUDENTS
    assert await connection.fetchval(REFUSED) == 1

    await connection.execute("drop trigger refuse on listener.checkpoint")
    await connection.execute(SIGN_UPS)
    await batch(count, daemon)
    assert (await batch(count, daemon)).passed_over


async def test_one_that_fails_is_told_once(
    connection: Connection, daemon: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Afterwards each course is counted on its own for a while, here for no time at all. And without pauses: while
    counting waits for the end of one, there may be nothing else to do."""
    monkeypatch.setattr("listener.reactions.reaction.CAREFUL_SECONDS", 0.0)
    for pause in ("COUNT_PAUSE", "LONGEST_COUNT_PAUSE"):
        monkeypatch.setattr(f"listener.reactions.counting.{pause}", 0.0)
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute(SIGN_UPS)
    await connection.execute(REFUSE)
    reactions = Reactions(
        Executors.alike(daemon), Instruments.of_daemon(1.0, configure("warning", "json")), BatchSizes(SIZE)
    )
    while await reactions.run_due():
        pass
    assert await connection.fetchval(COUNTED) == STUDENTS
    assert await connection.fetchval(REFUSED) == 1
    told = [json.loads(line) for line in "".join(capsys.readouterr()).splitlines()]
    assert [(line["event"], line["consumer"], line["error"]) for line in told] == [
        ("reaction_failed", "count", "too far")
    ]
