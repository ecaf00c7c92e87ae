"""What a rule compares with the time is looked at when its moment comes, without an audit."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

SCHEMA = """
create table profiles (id bigint primary key);
create table courses (id bigint primary key, starts_at timestamptz, enrollments integer not null default 0);
create table enrollments (
    id bigint generated always as identity primary key,
    profile_id bigint not null references profiles,
    course_id bigint not null references courses,
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (profile_id, course_id)
);
create table places (
    profile_id bigint not null references profiles,
    course_id bigint not null references courses,
    starts_at timestamptz,
    ends_at timestamp,
    day date
);
create index on places (profile_id);
create index on places (course_id);
create index on places (starts_at);
create index on places (ends_at);
create index on places (day);
create index on courses (starts_at);
insert into courses values (1), (2);
insert into profiles select generate_series(1, 9);
"""
ALL = "select profile_id, course_id from places where "
STATUS = "select string_agg(status, ' ') from enrollments where profile_id = $1 and course_id = $2"
SOON = "clock_timestamp() + interval '1 second'"

Lead = Callable[[str], Awaitable[Connection]]


@pytest.fixture
async def lead(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> AsyncIterator[Lead]:
    """With a daemon at work whose only audit is over: from here on nothing is found by one."""
    connections = []

    async def lead(query: str) -> Connection:
        database = make_database(empty=True)
        database.server.psql(database.name, SCHEMA)
        listener(database.url, "install", wanted_query=query, on_leave="suspend", inactive_value="inactive")
        daemon = start_daemon(database, audit_seconds=3600).wait_ready("leading")
        wait_until(lambda: daemon.metric("listener_last_audit_timestamp_seconds") > 0, "its first audit is over")
        connections.append(await connect(database.url))
        return connections[-1]

    yield lead
    for each in connections:
        each.terminate()


async def test_who_is_to_be_there_from_a_moment_on_is_there_then(lead: Lead) -> None:
    app = await lead(ALL + "starts_at <= now()")
    await app.execute("insert into places values (1, 1, now() + '1 hour')")
    await app.execute(f"insert into places values (2, 1, {SOON})")
    await eventually(app, STATUS, 2, 1, equals="active")
    assert await app.fetchval(STATUS, 1, 1) is None
    # One that is nearer than what is known to come.
    await app.execute(f"update places set starts_at = {SOON}")
    await eventually(app, STATUS, 1, 1, equals="active")


@pytest.mark.parametrize(
    "condition",
    ["ends_at > localtimestamp", "ends_at is null or not now()::timestamp >= ends_at"],
)
async def test_who_is_to_be_there_until_a_moment_leaves_then(lead: Lead, condition: str) -> None:
    app = await lead(ALL + condition)
    await app.execute(
        "insert into places (profile_id, course_id, ends_at) values (1, 1, 'infinity'), (2, 1, 'infinity')"
    )
    await eventually(app, STATUS, 1, 1, equals="active")
    await app.execute(f"update places set ends_at = {SOON} where profile_id = 1")
    await eventually(app, STATUS, 1, 1, equals="inactive")
    assert await app.fetchval(STATUS, 2, 1) == "active"


async def test_a_moment_some_time_before_or_after_what_a_row_says_is_met_too(lead: Lead) -> None:
    query = ALL + "starts_at <= now() + interval '2 hours' and ends_at >= now() - interval '3 days'"
    app = await lead(query)
    await app.execute(f"insert into places values (1, 1, {SOON} + '2 hours', 'infinity')")
    await eventually(app, STATUS, 1, 1, equals="active")
    await app.execute(f"update places set ends_at = {SOON} - interval '3 days'")
    await eventually(app, STATUS, 1, 1, equals="inactive")


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("starts_at + interval '1 day' <= now()", f"starts_at = {SOON} - interval '1 day'"),
        ("now() - starts_at > interval '90 minutes'", f"starts_at = {SOON} - interval '90 minutes'"),
        ("interval '3 hours' > starts_at - now()", f"starts_at = {SOON} + interval '3 hours'"),
        ("now() not between starts_at - interval '1 day' and starts_at", f"starts_at = {SOON}"),
        ("exists (select where now() + interval '1 month' >= ends_at)", f"ends_at = {SOON} + interval '1 month'"),
    ],
)
@pytest.mark.half
async def test_a_moment_is_met_however_it_is_reckoned(lead: Lead, condition: str, written: str) -> None:
    app = await lead(ALL + condition)
    await app.execute(f"insert into places (profile_id, course_id) values (1, 1); update places set {written}")
    await eventually(app, STATUS, 1, 1, equals="active")


async def test_a_course_that_begins_has_its_students_then(lead: Lead) -> None:
    app = await lead(
        "select p.profile_id, c.id from places p join courses c on c.id = p.course_id"
        " where c.starts_at < current_timestamp"
    )
    await app.execute("insert into places values (1, 1), (2, 2)")
    await app.execute(f"update courses set starts_at = {SOON} where id = 1")
    await eventually(app, STATUS, 1, 1, equals="active")
    assert await app.fetchval(STATUS, 2, 2) is None


@pytest.mark.parametrize(
    ("condition", "days"),
    [("day <= current_date", 1), ("day - 7 <= current_date", 8), ("day <= current_date + 3", 4), ("day > now()", 1)],
)
@pytest.mark.half
async def test_a_day_begins_at_midnight(lead: Lead, condition: str, days: int) -> None:
    app = await lead(ALL + condition)
    await app.execute("insert into places (profile_id, course_id, day) values (1, 1, current_date + $1::int)", days)
    midnight = "current_date + 1"
    until = f"select listener.note_due({midnight} - interval '1 hour')"
    seconds = await app.fetchval("select next_in from listener.note_due(now())")
    assert abs(seconds - await app.fetchval(f"select extract(epoch from ({midnight}) - now())::float8")) < 30
    assert await app.fetchval(until) is not None


@pytest.mark.parametrize(
    "query",
    [
        ALL + "starts_at::date <= current_date",
        ALL + "starts_at + (day - current_date) * interval '1 hour' <= now()",
        ALL + "starts_at < ends_at",
        ALL + "starts_at::text <= now()::text",
    ],
)
async def test_what_no_index_tells_is_left_to_the_audit(make_database: Callable[..., Database], query: str) -> None:
    database = make_database(empty=True)
    database.server.psql(database.name, SCHEMA)
    listener(database.url, "install", wanted_query=query, watch="places(profile_id)")
    asked = "select until is null and next_in is null from listener.note_due(now())"
    assert database.server.psql(database.name, asked).strip() == "t"
