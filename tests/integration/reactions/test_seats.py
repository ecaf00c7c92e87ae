"""A course with so many seats (LISTENER_COURSE_SEATS): the rest wait in order of arrival, and move up."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

SCHEMA = """
create table profiles (id bigint generated always as identity primary key, role text not null default 'student');
create table courses (
    id bigint generated always as identity primary key,
    title text,
    seats integer,
    enrollments integer not null default 0
);
create table enrollments (
    id bigint generated always as identity primary key,
    profile_id bigint not null references profiles on delete cascade,
    course_id bigint not null references courses,
    status text not null default 'active' check (status in ('active', 'inactive', 'completed')),
    unique (profile_id, course_id)
);
"""
QUERY = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"
SETTINGS: dict[str, Any] = {
    "wanted_query": QUERY,
    "course_seats": "seats",
    "on_leave": "suspend",
    "inactive_value": "inactive",
}
SEATED = "select array_agg(profile_id order by profile_id) from enrollments where status = 'active'"
FULL = """
select coalesce(array_agg(pending_enrollment.profile_id order by waiting.place), '{}')
from listener.pending_enrollment
inner join listener.waiting on waiting.profile_id = pending_enrollment.profile_id
where pending_enrollment.reason = 'full' and pending_enrollment.next_attempt_at = 'infinity'
"""
HANDLED = """
select not exists (select from listener.unhandled('enroll')) and not exists (select from listener.unhandled('count'))
"""

Start = Callable[..., DaemonProcess]


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Database:
    database = make_database(empty=True)
    database.server.psql(database.name, SCHEMA)
    listener(database.url, "install", **SETTINGS)
    return database


@pytest.fixture
async def lms(school: Database) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(school.url)
    yield connection
    connection.terminate()


@pytest.fixture
def daemon(school: Database, start_daemon: Start) -> DaemonProcess:
    return start_daemon(school, sample_seconds=1).wait_ready("leading")


async def sign_up(lms: Connection, number: int = 1) -> None:
    await lms.execute("insert into profiles (role) select 'student' from generate_series(1, $1::int)", number)


async def offer(lms: Connection, seats: int | None) -> None:
    await lms.execute("insert into courses (title, seats) values ('a', $1)", seats)


async def test_no_more_are_enrolled_than_there_are_seats_and_the_first_come_first(
    school: Database, lms: Connection, daemon: DaemonProcess
) -> None:
    await offer(lms, 2)
    for expected in ([1], [1, 2], [1, 2]):
        await sign_up(lms)
        await eventually(lms, SEATED, equals=expected)
    await sign_up(lms, 2)
    await eventually(lms, FULL, equals=[3, 4, 5])
    await eventually(lms, "select enrollments from courses", equals=2)
    listed = listener(school.url, "pending").stdout
    assert listed.count("with a seat") == 3
    assert "retry" not in listed
    assert listener(school.url, "diagnose").stdout.startswith("in sync: nothing to mend\n")  # exit status 0
    wait_until(lambda: daemon.metric('listener_pending_students{reason="full"}') == 3, "the metric says so")


async def test_a_batch_larger_than_the_seats_fills_them_exactly(lms: Connection, daemon: DaemonProcess) -> None:
    await offer(lms, 50)
    await sign_up(lms, 300)
    await eventually(lms, "select count(*) from enrollments", equals=50)
    await eventually(
        lms, "select cardinality(waiting) from (" + FULL.replace("'{}')", "'{}') as waiting") + ") as w", equals=250
    )
    assert await lms.fetchval(SEATED) == list(range(1, 51))


@pytest.mark.parametrize(
    "leave",
    [
        "delete from enrollments where profile_id = 1",
        "update enrollments set status = 'completed' where profile_id = 1",
        "update profiles set role = 'teacher' where id = 1",
        "delete from profiles where id = 1",
        "update courses set seats = 3",
    ],
)
@pytest.mark.half
async def test_the_next_in_line_moves_up_when_a_seat_is_free(
    lms: Connection, daemon: DaemonProcess, leave: str
) -> None:
    await offer(lms, 2)
    await sign_up(lms, 4)
    await eventually(lms, FULL, equals=[3, 4])
    await lms.execute(leave)
    await eventually(
        lms, "select 3 = any (array(select profile_id from enrollments where status = 'active'))", equals=True
    )
    await eventually(lms, FULL, equals=[4])
    await eventually(lms, "select enrollments from courses", equals=3 if "seats" in leave else 2)


async def test_who_comes_later_does_not_pass_those_who_wait(lms: Connection, daemon: DaemonProcess) -> None:
    await offer(lms, 1)
    await sign_up(lms, 2)
    await eventually(lms, FULL, equals=[2])
    await lms.execute("begin; delete from enrollments; insert into profiles (role) values ('student'); commit")
    await eventually(lms, SEATED, equals=[2])
    await eventually(lms, FULL, equals=[3])


async def test_who_is_noted_again_while_waiting_keeps_the_place_and_passes_nobody(
    lms: Connection, daemon: DaemonProcess
) -> None:
    await offer(lms, 1)
    await sign_up(lms, 3)
    await eventually(lms, FULL, equals=[2, 3])
    await lms.execute(
        "update profiles set role = 'student ' where id = 3; update profiles set role = 'student' where id = 3"
    )
    await eventually(lms, HANDLED, equals=True)
    await lms.execute("delete from enrollments")
    await eventually(lms, SEATED, equals=[2])


async def test_a_student_who_does_not_want_it_any_more_gives_up_the_place(
    lms: Connection, daemon: DaemonProcess
) -> None:
    await offer(lms, 1)
    await sign_up(lms, 3)
    await eventually(lms, FULL, equals=[2, 3])
    await lms.execute("update profiles set role = 'teacher' where id = 2")
    await eventually(lms, FULL, equals=[3])
    assert await lms.fetchval("select array_agg(profile_id) from listener.pending_enrollment") == [3]
    await lms.execute("delete from enrollments")
    await eventually(lms, SEATED, equals=[3])


async def test_without_a_limit_nobody_waits(lms: Connection, daemon: DaemonProcess) -> None:
    await offer(lms, 1)
    await sign_up(lms, 3)
    await eventually(lms, FULL, equals=[2, 3])
    await lms.execute("update courses set seats = null")
    await eventually(lms, SEATED, equals=[1, 2, 3])


async def test_the_apps_own_enrollments_may_overfill_and_nobody_is_added_until_there_is_room(
    lms: Connection, daemon: DaemonProcess
) -> None:
    await offer(lms, 1)
    await lms.execute("insert into profiles (role) values ('teacher'), ('teacher')")
    await lms.execute("insert into enrollments (profile_id, course_id) values (1, 1), (2, 1)")
    await sign_up(lms)
    await eventually(lms, FULL, equals=[3])
    await lms.execute("delete from enrollments where profile_id = 1")
    await eventually(lms, HANDLED, equals=True)
    assert await lms.fetchval(FULL) == [3]
    await lms.execute("delete from enrollments where profile_id = 2")
    await eventually(lms, SEATED, equals=[3])


async def test_who_returns_needs_a_seat_like_everybody(lms: Connection, daemon: DaemonProcess) -> None:
    await offer(lms, 1)
    await sign_up(lms, 2)
    await eventually(lms, FULL, equals=[2])
    await lms.execute("update profiles set role = 'teacher' where id = 1")
    await eventually(lms, SEATED, equals=[2])
    await lms.execute("update profiles set role = 'student' where id = 1")
    await eventually(lms, FULL, equals=[1])
    await lms.execute("update profiles set role = 'teacher' where id = 2")
    await eventually(lms, SEATED, equals=[1])
    assert await lms.fetchval("select count(*) from enrollments") == 2
