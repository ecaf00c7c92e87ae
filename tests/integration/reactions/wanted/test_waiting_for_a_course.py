"""Who waits does so for one course: that keeps nobody out of another, and each course that is waited for is told."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

A, B = 1, 2
SCHEMA = """
create table profiles (id bigint generated always as identity primary key);
create table courses (
    id bigint generated always as identity primary key,
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
create table places (
    profile_id bigint not null references profiles on delete cascade,
    course_id bigint not null,
    starts_at timestamptz not null default '-infinity'
);
create index on places (profile_id);
create index on places (course_id);
create index on places (starts_at);
insert into courses (seats) values (1), (null);
insert into profiles select from generate_series(1, 9);
"""
QUERY = "select profile_id, course_id from places where starts_at <= now()"
SETTINGS: dict[str, Any] = {
    "wanted_query": QUERY,
    "course_seats": "seats",
    "on_leave": "suspend",
    "inactive_value": "inactive",
}
SEATED = "select coalesce(array_agg(profile_id order by profile_id), '{}') from enrollments where course_id = $1"
PENDING = """
select coalesce(
    array_agg(concat_ws(' ', profile_id, course_id, reason) order by profile_id, course_id, reason), '{}'
)
from listener.pending_enrollment
"""
NOTED = "select exists (select from listener.unhandled('enroll'))"
WANTED_MISSING = "select array_agg(profile_id || ' ' || course_id) from listener.wanted_missing"
REFUSE = """
create function refuse() returns trigger language plpgsql as $$ begin
if new.profile_id = 2 and new.course_id = any (tg_argv::bigint[]) then raise 'not paid'; end if; return new; end $$
"""

Start = Callable[..., DaemonProcess]


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Database:
    database = make_database(empty=True)
    database.server.psql(database.name, SCHEMA)
    listener(database.url, "install", **SETTINGS)
    return database


@pytest.fixture
async def app(school: Database) -> AsyncIterator[Connection]:
    connection = await connect(school.url)
    yield connection
    connection.terminate()


@pytest.fixture
def daemon(school: Database, start_daemon: Start) -> DaemonProcess:
    return start_daemon(school, audit_seconds=3600).wait_ready("leading")


async def wants(app: Connection, course: int, *profiles: int) -> None:
    """They are to be in that course from now on."""
    await app.execute("insert into places select unnest($1::bigint[]), $2", list(profiles), course)


async def full(app: Connection) -> None:
    """The first has the only seat of the first course, and the second waits for it."""
    await wants(app, A, 1)
    await eventually(app, SEATED, A, equals=[1])
    await wants(app, A, 2)
    await eventually(app, PENDING, equals=["2 1 full"])


async def test_who_waits_for_a_seat_is_enrolled_in_another_course_that_was_held_for_a_moment(
    school: Database, app: Connection, daemon: DaemonProcess
) -> None:
    await full(app)
    holder = await connect(school.url)
    try:
        await holder.execute("begin; select from courses where id = 2 for update")
        await wants(app, B, 2)
        await eventually(app, PENDING, equals=["2 1 full", "2 2 course_locked"])
        assert await app.fetchval(WANTED_MISSING) is None
        listed = listener(school.url, "pending").stdout
        assert "with a seat" in listed
        assert "course_locked" in listed
        assert len(re.findall(r"(?:since|next attempt) \(UTC\): \d", listed)) == 3
    finally:
        holder.terminate()
    await eventually(app, SEATED, B, equals=[2])
    await eventually(app, PENDING, equals=["2 1 full"])


async def test_what_nobody_waits_for_is_missing_though_the_same_person_waits_elsewhere(
    app: Connection, daemon: DaemonProcess
) -> None:
    await full(app)
    await app.execute("begin; set local session_replication_role = replica; insert into places values (2, 2); commit")
    assert await app.fetchval(WANTED_MISSING) == ["2 2"]


async def test_a_course_that_refuses_keeps_nobody_from_moving_up_in_another(
    app: Connection, daemon: DaemonProcess
) -> None:
    await app.execute(REFUSE)
    await app.execute("create trigger refuse before insert on enrollments for each row execute function refuse(2)")
    await full(app)
    await wants(app, B, 2, 3)
    await eventually(app, SEATED, B, equals=[3])
    await eventually(app, PENDING, equals=["2 1 full", "2 2 failed"])
    await app.execute(
        "update listener.pending_enrollment set attempts = 20, next_attempt_at = now() + '1 hour'"
        " where reason = 'failed'"
    )
    await app.execute("delete from enrollments where profile_id = 1")
    await eventually(app, SEATED, A, equals=[2])
    await eventually(app, PENDING, equals=["2 2 failed"])


async def test_who_is_refused_a_free_seat_holds_up_nobody_in_line(app: Connection, daemon: DaemonProcess) -> None:
    await full(app)
    await wants(app, A, 3)
    await eventually(app, PENDING, equals=["2 1 full", "3 1 full"])
    await app.execute(REFUSE)
    await app.execute("create trigger refuse before insert on enrollments for each row execute function refuse(1)")
    await app.execute("delete from enrollments where profile_id = 1")
    await eventually(app, SEATED, A, equals=[3])
    await eventually(app, PENDING, equals=["2 1 full"])


async def test_who_is_noted_while_the_course_of_a_free_seat_is_held_is_tried_again(
    school: Database, app: Connection, daemon: DaemonProcess
) -> None:
    await full(app)
    holder = await connect(school.url)
    try:
        await holder.execute("begin; select from courses where id = 1 for update")
        await app.execute(
            "begin; delete from enrollments where profile_id = 1;"
            "update places set starts_at = now() where profile_id = 2; commit"
        )
        await eventually(app, PENDING, equals=["2 1 course_locked"])
    finally:
        holder.terminate()
    await eventually(app, SEATED, A, equals=[2])
    await eventually(app, PENDING, equals=[])


async def test_what_time_makes_due_is_found_for_people_who_wait_elsewhere(
    school: Database, app: Connection, start_daemon: Start
) -> None:
    start_daemon(school, audit_seconds=1).wait_ready("leading")
    await full(app)
    await app.execute("insert into places select 2, 2, clock_timestamp() + '500 milliseconds'")
    await eventually(app, SEATED, B, equals=[2])
    assert await app.fetchval(PENDING) == ["2 1 full"]


async def test_who_is_dropped_keeps_no_place_in_line(school: Database, app: Connection, daemon: DaemonProcess) -> None:
    await full(app)
    await wants(app, A, 3)
    await eventually(app, PENDING, equals=["2 1 full", "3 1 full"])
    assert "1 student dropped" in listener(school.url, "pending", "drop", "--student", "2").stdout
    await app.execute("delete from enrollments where profile_id = 1")
    await eventually(app, SEATED, A, equals=[3])


async def test_explain_tells_each_course_that_is_waited_for(
    school: Database, app: Connection, daemon: DaemonProcess
) -> None:
    await app.execute(REFUSE)
    await app.execute("create trigger refuse before insert on enrollments for each row execute function refuse(2)")
    await full(app)
    await wants(app, B, 2)
    await eventually(app, PENDING, equals=["2 1 full", "2 2 failed"])
    told = json.loads(listener(school.url, "explain", "2", "--json").stdout)
    assert (told["verdict"], told["reason"]) == ("waits", "failed")
    assert [(each["course"], each["reason"]) for each in told["pending"]] == [("2", "failed"), ("1", "full")]
    listener(school.url, "pause", "enroll")
    await app.execute("delete from listener.pending_enrollment where course_id = 2")
    assert json.loads(listener(school.url, "explain", "2", "--json").stdout)["reason"] == "paused"
