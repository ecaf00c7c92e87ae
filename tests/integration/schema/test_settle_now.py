"""`listener.settle_now()`: what a daemon would do, inside the transaction of a test, which is undone at its end."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.process import listener
from tests.support.refusing import UNPAID, refuse

SETTLE = "select * from listener.settle_now()"
SIGN_UP = "insert into profiles (role) values ('student') returning id"
MADE = "select count(*) from enrollments"
COUNT = "select sum(enrollments) from courses"
INEXACT = """
select count(*) from courses
where enrollments <> (select count(*) from enrollments where course_id = courses.id and status = 'active')
"""


async def settle(connection: Connection) -> dict[str, int]:
    """What was done."""
    return dict((await connection.fetch(SETTLE))[0])


async def test_in_one_transaction_all_is_done_and_undone(connection: Connection) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 150)")
    row = await settle(connection)
    assert (row["enrolled"], row["waiting"], row["moved"]) == (150, 0, 1)
    assert (await connection.fetchval(MADE), await connection.fetchval(COUNT)) == (150, 150)
    await connection.execute("delete from enrollments where user_id in (select id from profiles limit 10)")
    row = await settle(connection)
    assert (row["enrolled"], await connection.fetchval(COUNT)) == (0, 140)
    assert (await settle(connection))["moved"] == 0
    await transaction.rollback()
    for table in ("profiles", "enrollments", "listener.change", "listener.pending_enrollment"):
        assert await connection.fetchval(f"select count(*) from {table}") == 0, table
    assert await connection.fetchval("select max(seq) from listener.checkpoint") == 0


async def test_what_is_committed_was_handled_exactly_once(connection: Connection, course: None) -> None:
    await connection.execute(SIGN_UP)  # before, and by itself
    async with connection.transaction():
        await connection.execute(SIGN_UP)
        assert (await settle(connection))["enrolled"] == 2
        await connection.execute(SIGN_UP)
    for _ in range(4):
        await connection.fetchrow("select * from listener.step()")
    assert await connection.fetchval(MADE) == 3
    assert await connection.fetchval(INEXACT) == 0
    assert await connection.fetch("select * from listener.course_drift") == []


async def test_who_waits_is_tried_again_by_the_next_call(connection: Connection) -> None:
    await connection.execute("begin")
    profile = await connection.fetchval(SIGN_UP)
    assert (await settle(connection))["waiting"] == 1
    reason = "select reason from listener.pending_enrollment where profile_id = $1"
    assert await connection.fetchval(reason, profile) == "no_course"
    await connection.execute("update profiles set full_name = 'unpaid'")
    await connection.execute(refuse(UNPAID))
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    assert (await settle(connection))["waiting"] == 1
    assert await connection.fetchval(reason, profile) == "failed"
    await connection.execute("update profiles set full_name = 'paid'")
    row = await settle(connection)
    assert (row["enrolled"], row["waiting"]) == (1, 0)


async def test_who_is_not_wanted_any_more_leaves(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    database.server.psql(database.name, "create table groups (id bigint primary key, course_id uuid)")
    database.server.psql(database.name, "alter table profiles add group_id bigint; create index on profiles (group_id)")
    rule = "select p.id, g.course_id from profiles p join groups g on g.id = p.group_id where p.role = 'student'"
    await asyncio.to_thread(
        listener, database.url, "install", wanted_query=rule, on_leave="suspend", inactive_value="left"
    )
    connection: Connection = await connect(database.url)
    await connection.execute("begin")
    await connection.execute("insert into courses (title) values ('a'), ('b')")
    await connection.execute("insert into groups select 1, id from courses where title = 'a'")
    await connection.execute("insert into profiles (role, group_id) select 'student', 1 from generate_series(1, 3)")
    assert (await settle(connection))["enrolled"] == 3
    await connection.execute("update groups set course_id = (select id from courses where title = 'b')")
    row = await settle(connection)
    assert (row["enrolled"], row["suspended"]) == (3, 3)
    assert await connection.fetchval(INEXACT) == 0
    await connection.close()


async def test_who_is_enrolled_already_is_counted_as_nothing(connection: Connection, course: None) -> None:
    async with connection.transaction():
        profile = await connection.fetchval(SIGN_UP)
        assert await connection.fetchval("select listener.enroll_now($1)", profile)
        assert (await settle(connection))["enrolled"] == 0
        await connection.execute(SIGN_UP)
        await connection.execute("update profiles set role = 'teacher' where id = $1", profile)
        assert (await settle(connection))["enrolled"] == 1


async def test_keys_are_deferred_afterwards_as_they_were(connection: Connection, course: None) -> None:
    await connection.execute(
        "create table orders (id bigint primary key);"
        "create table late (order_id bigint references orders deferrable initially deferred);"
        "create table early (order_id bigint references orders deferrable initially immediate)"
    )
    await connection.execute("begin")
    await connection.execute(SIGN_UP)
    assert (await settle(connection))["enrolled"] == 1
    await connection.execute("insert into late values (1)")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("insert into early values (1)")


async def test_nobody_but_the_owner_may_call_it(connection: Connection, database: Database) -> None:
    role = f"app_{database.name}"
    await connection.execute(f"create role {role} login")
    await asyncio.to_thread(listener, database.url, "install", "--grant-to", role, "--grant-now", role)
    app: Connection = await connect(database.server.url(database.name, user=role))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(SETTLE)
    await app.close()
    await connection.execute(f"drop owned by {role}; drop role {role}")
