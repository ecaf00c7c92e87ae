"""Logical replication: a database that a subscription writes, all of it or the LMS's tables alone."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Database
from tests.support import lms
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, listener

Start = Callable[..., DaemonProcess]

SLOT = "select pg_create_logical_replication_slot('{name}', 'pgoutput')"
SUBSCRIBE = (
    "create subscription {name} connection '{url}' publication {name} with (create_slot = false, slot_name = {name})"
)
SUBSCRIBED = "select bool_and(srsubstate = 'r') from pg_subscription_rel"


@pytest.fixture(scope="module")
def logical() -> Iterator[Server]:
    """A server with logical replication."""
    server = Server(16, settings={"wal_level": "logical"})
    server.create()
    server.start()
    yield server
    server.destroy()


def subscribe(server: Server, publisher: str, subscriber: str, what: str) -> None:
    """`subscriber` has the tables of `publisher` already."""
    server.psql(publisher, f"create publication {subscriber} for {what}")
    server.psql(publisher, SLOT.format(name=subscriber))
    server.psql(subscriber, SUBSCRIBE.format(name=subscriber, url=server.url(publisher)))
    wait_until(lambda: server.psql(subscriber, SUBSCRIBED).strip() == "t", "all tables are copied")


async def test_a_database_that_a_subscription_writes_is_not_led_until_the_switchover(
    logical: Server, start_daemon: Start
) -> None:
    blue = Database(logical, "blue")
    logical.psql("postgres", "create database blue; create database green")
    logical.psql("blue", lms.schema())
    logical.psql("blue", "insert into courses (title, price) values ('a', 1)")
    await asyncio.to_thread(listener, blue.url, "install", check=True)
    logical.psql("green", logical.run("pg_dump", "--schema-only", "--dbname", blue.url).stdout)
    subscribe(logical, "blue", "green", "all tables")
    leader = start_daemon(blue).wait_ready("leading")
    green = start_daemon(Database(logical, "green"))
    assert "a subscription writes this database" in str(green.told("not_ready"))
    logical.psql("blue", "insert into profiles (role) select 'student' from generate_series(1, 5)")
    copy = await connect(logical.url("green"))
    try:
        await eventually(copy, "select count(*) from enrollments", equals=5)
        await eventually(copy, "select enrollments from courses", equals=5)
        assert await copy.fetchval("select apply_error_count from pg_stat_subscription_stats") == 0
        leader.stop()
        await copy.execute("alter subscription green disable; alter subscription green set (slot_name = none)")
        await copy.execute("drop subscription green")
        green.wait_ready("leading")
        await copy.execute("insert into profiles (role) values ('student')")
        await eventually(copy, "select count(*) from enrollments", equals=6)
        await eventually(copy, "select enrollments from courses", equals=6)
    finally:
        await copy.close()


def test_tables_that_a_subscription_writes_are_told_at_install_and_sync_looks_after_them(logical: Server) -> None:
    logical.psql("postgres", "create database app; create database school")
    for name in ("app", "school"):
        logical.psql(name, lms.schema())
    logical.psql("school", "insert into courses (title, price) values ('a', 1)")
    subscribe(logical, "app", "school", "table profiles")
    school = Database(logical, "school")
    told = listener(school.url, "install", check=True).stdout
    assert "a subscription writes public.profiles, past our triggers" in told
    assert "`listener sync`" in told
    logical.psql("app", "insert into profiles (role) select 'student' from generate_series(1, 5)")
    wait_until(lambda: logical.psql("school", "select count(*) from profiles").strip() == "5", "they are applied")
    listener(school.url, "sync", check=True)
    assert logical.psql("school", "select count(*) from enrollments").strip() == "5"
