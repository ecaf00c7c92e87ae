"""Partitions come and go, and are emptied, without a trigger: the leader notices with its heartbeat."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SCHOOL = """
create table profiles (id bigint primary key, role text check (role in ('student', 'teacher'))) partition by range (id);
create table profiles_1 partition of profiles for values from (0) to (100);
create table courses (id bigint primary key, title text, status text default 'published', students integer default 0);
create table enrollments (
    user_id bigint references profiles on delete cascade,
    course_id bigint references courses,
    status text not null default 'active',
    primary key (user_id, course_id)
) partition by range (user_id);
create table enrollments_1 partition of enrollments for values from (0) to (10);
create table enrollments_2 partition of enrollments for values from (10) to (1000);
insert into courses (id, title) values (1, 'a');
insert into profiles select id, 'student' from generate_series(1, 20) as id;
"""

COUNT = "select students from courses"
LIVE = "select sum(active_enrollments) from listener.course_live_count"

ATTACH_BELOW = """
create table part (like enrollments including all) partition by range (user_id);
alter table enrollments attach partition part for values from (1000) to (2000);
create table profiles_2 partition of profiles for values from (1000) to (2000);
insert into profiles select id, 'teacher' from generate_series(1001, 1004) as id;
create table enrollments_3 (like enrollments including all);
insert into enrollments_3 select id, 1 from profiles where id > 1000;
alter table part attach partition enrollments_3 default;
"""

CHANGES = (
    ("alter table enrollments detach partition enrollments_1", 11),
    ("alter table enrollments attach partition enrollments_1 for values from (0) to (10)", 20),
    ("truncate enrollments_1", 11),
    (ATTACH_BELOW, 15),
    ("drop table enrollments_2", 4),
)


@pytest.fixture
async def daemon(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> tuple[Connection, DaemonProcess]:
    """A school with 20 students in partitions, beside a daemon with a slow audit, which has been."""
    database = make_database(empty=True)
    app: Connection = await asyncpg.connect(database.url)
    await app.execute(SCHOOL)
    listener(database.url, "install", check=True)
    daemon = start_daemon(database, heartbeat_seconds=0.5, audit_seconds=3600).wait_ready("leading")
    listener(database.url, "sync", check=True)
    await eventually(app, COUNT, equals=20)
    daemon.shows("listener_audits_total", 1)
    return app, daemon


async def test_counts_follow(daemon: tuple[Connection, DaemonProcess]) -> None:
    app, _ = daemon
    for change, left in CHANGES:
        await app.execute(change)
        await eventually(app, COUNT, equals=left)
        await eventually(app, LIVE, equals=left)
    await app.close()


async def test_a_partition_that_was_away_between_two_heartbeats_is_noticed(
    daemon: tuple[Connection, DaemonProcess],
) -> None:
    app, _ = daemon
    await app.execute(
        "alter table enrollments detach partition enrollments_1;"
        "delete from enrollments_1 where user_id = 1;"
        "alter table enrollments attach partition enrollments_1 for values from (0) to (10)"
    )
    await eventually(app, COUNT, equals=19)
    await app.close()


async def test_students_of_an_attached_partition_are_enrolled(daemon: tuple[Connection, DaemonProcess]) -> None:
    app, _ = daemon
    await app.execute(
        "create table newcomers (like profiles including all);"
        "insert into newcomers select id, 'student' from generate_series(200, 204) as id;"
        "alter table profiles attach partition newcomers for values from (200) to (300)"
    )
    await eventually(app, "select count(*) from enrollments where user_id >= 200", equals=5)
    await eventually(app, COUNT, equals=25)
    await app.close()
