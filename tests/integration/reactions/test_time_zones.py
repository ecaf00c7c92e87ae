"""Times without a zone, of a person, a course or an enrollment, are in the database's own zone; so is their order."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SCHOOL = """
create table profiles (
    id integer primary key, role text check (role in ('student', 'teacher')),
    banned_until timestamp, created_at timestamp not null default now()
);
create table courses (
    id integer primary key, title text, ends_at timestamp, created_at timestamp not null default now(),
    enrollments integer not null default 0
);
create table enrollments (
    user_id integer not null references profiles, course_id integer not null references courses,
    expires_at timestamp, enrolled_at timestamp not null default now(), primary key (user_id, course_id)
);
insert into courses (id, title, ends_at, created_at) values
    (1, 'over', localtimestamp - interval '1 hour', localtimestamp - interval '9 hours'),
    (2, 'open', localtimestamp + interval '1 hour', localtimestamp - interval '1 hour'),
    (3, 'younger', null, localtimestamp);
"""
PEOPLE = """
insert into profiles (id, role, banned_until) values
    (1, 'student', null), (2, 'student', localtimestamp + interval '1 hour'),
    (3, 'student', localtimestamp - interval '1 hour');
"""
OFF = "select max(abs(extract(epoch from enrolled_at - localtimestamp)))::integer from enrollments"


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo"])
@pytest.mark.parametrize("role", ["the owner", "a role with another zone"])
@pytest.mark.half
async def test_nothing_is_hours_off(
    zone: str, role: str, empty: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    first = await connect(empty.url)
    await first.execute(f"alter database {empty.name} set timezone to '{zone}'")
    await first.close()
    app = await connect(empty.url)
    await app.execute(SCHOOL)
    condition = "expires_at is null or expires_at > localtimestamp"
    url, daemon_of = empty.url, empty
    grant = []
    if role != "the owner":
        await app.execute(f"create role zoned_{empty.name} login; alter role zoned_{empty.name} set timezone to 'UTC'")
        grant = ["--grant-to", f"zoned_{empty.name}"]
        daemon_of = Zoned(empty.server, empty.name)
    await asyncio.to_thread(listener, url, "install", *grant, active_predicate=condition)
    start_daemon(daemon_of).wait_ready("leading")
    await app.execute(PEOPLE)
    await eventually(app, "select array_agg(user_id order by user_id) from enrollments", equals=[1, 3])
    assert await app.fetchval("select array_agg(distinct course_id) from enrollments") == [2]
    assert await app.fetchval(OFF) < 60, "hours off"
    # As people read it, it is the database's own time.
    explained = json.loads((await asyncio.to_thread(listener, daemon_of.url, "explain", "1", "--json")).stdout)
    since = datetime.fromisoformat(explained["enrollments"][0]["since"])
    assert abs(since - await app.fetchval("select localtimestamp")) < timedelta(minutes=1)
    noted = await app.fetchval("select min(at) from listener.change")
    assert abs(noted - datetime.now(UTC)) < timedelta(minutes=1)
    await app.execute("update enrollments set expires_at = localtimestamp - interval '1 hour' where user_id = 1")
    await asyncio.to_thread(listener, url, "sync", check=False)
    await eventually(app, "select enrollments from courses where id = 2", equals=1)
    await app.close()
    if grant:
        admin = await connect(empty.url)
        await admin.execute(f"drop owned by zoned_{empty.name}")
        await admin.close()


class Zoned(Database):
    """For the daemon's own role."""

    @property
    def url(self) -> str:
        return self.server.url(self.name, user=f"zoned_{self.name}")
