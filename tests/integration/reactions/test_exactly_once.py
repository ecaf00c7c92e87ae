"""The daemon is killed in the middle of its work, again and again: everyone is enrolled once, every count is exact."""

import random
from collections.abc import Callable

import anyio
import asyncpg

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess

WRITERS = 4
SIGN_UPS = 1500
KILLS = 5

TWICE = "select count(*) from (select from enrollments group by user_id having count(*) > 1) as twice"

# No unique key stands in the way of a second enrollment.
PLAIN = """
alter table enrollments drop constraint enrollments_user_id_course_id_key;
create index on enrollments (user_id);
insert into courses (title, price) select 'course ' || price, price from generate_series(1, 3) as price;
"""

SIGN_UP = "insert into profiles (role) values ('student')"
LEAVE = (
    "update enrollments set status = 'cancelled' where id = (select max(id) from enrollments where status = 'active')"
)
MOVE = """
update enrollments set course_id = (select id from courses where price = 2)
where id = (select min(id) from enrollments where course_id <> (select id from courses where price = 2))
"""


async def sign_up(connection: Connection, dice: random.Random) -> None:
    """One client of the application: sign-ups, some of them rolled back, and a few who leave or move."""
    for number in range(SIGN_UPS // WRITERS):
        await connection.execute(SIGN_UP)
        if number % 20 == 0:
            await connection.execute(LEAVE)
            await connection.execute(MOVE)
        if dice.random() < 0.05:
            await connection.execute(f"begin; {SIGN_UP}; rollback")


async def test_a_daemon_killed_in_the_middle_of_a_load_loses_nothing_and_does_nothing_twice(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute(PLAIN)
    dice = random.Random(7)
    clients: list[Connection] = [await asyncpg.connect(database.url) for _ in range(WRITERS)]
    handled = "select sum(changes)::bigint from listener.checkpoint where consumer = 'enroll'"
    killed_at = []
    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(sign_up, client, dice)
        for _ in range(KILLS):
            daemon = start_daemon(database, batch_size=dice.choice([1, 3, 50]))
            before = await connection.fetchval(handled)
            await eventually(connection, f"select ({handled}) > $1", before + 5, equals=True, seconds=30)
            daemon.kill()
            killed_at.append(await connection.fetchval(handled))
    for client in clients:
        await client.close()
    assert killed_at == sorted(set(killed_at)), "each of them got some work done"

    start_daemon(database)
    await eventually(connection, "select count(distinct user_id) from enrollments", equals=SIGN_UPS, seconds=60)
    await eventually(connection, "select count(*) from listener.unhandled('count')", equals=0, seconds=30)
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetchval("select count(*) from profiles") == SIGN_UPS
    assert await connection.fetchval("select count(*) from listener.pending_enrollment") == 0
    await eventually(connection, "select count(*) from listener.pending_count", equals=0)
    assert await connection.fetch("select * from listener.course_drift") == []
    wrong = """
        select count(*)
        from courses
        where
            array[enrollments, students] <> (
                select array[count(*), count(*)]::integer[] from enrollments
                where enrollments.course_id = courses.id and enrollments.status = 'active'
            )
    """
    assert await connection.fetchval(wrong) == 0


async def test_two_daemons_on_one_database_do_the_work_of_one(
    database: Database, connection: Connection, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute(PLAIN)
    first, second = (start_daemon(database) for _ in range(2))
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 300)")
    await eventually(connection, "select sum(enrollments) from courses", equals=300)
    first.wait_ready()
    second.wait_ready()
    leader = first if first.role == "leading" else second
    leader.kill()
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 300)")
    await eventually(connection, "select sum(enrollments) from courses", equals=600)
    assert await connection.fetchval(TWICE) == 0
    assert await connection.fetch("select * from listener.course_drift") == []
