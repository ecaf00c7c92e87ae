"""A logical dump restored into another cluster: its transaction ids mean something else, and nothing is skipped."""

import asyncio
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import lms
from tests.support.eventually import eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess, listener

Start = Callable[..., DaemonProcess]

STUDENTS = "select count(*) from profiles"
LEFT_OUT = "select count(*) from profiles where not exists (select from enrollments where user_id = profiles.id)"


@pytest.fixture
def other_server(server: Server) -> Iterator[Server]:
    other = Server(server.version)
    other.create()
    other.start()
    yield other
    other.destroy()


def restore(database: Database, other: Server) -> Database:
    dump = database.server.run("pg_dump", "--dbname", database.url)
    other.psql("postgres", f"create database {database.name}")
    other.psql(database.name, dump.stdout)
    return Database(other, database.name)


async def sign_up(connection: Connection, students: int) -> None:
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, $1::int)", students)


async def advance(connection: Connection, transactions: int) -> None:
    """Use up transaction ids."""
    await connection.execute(
        f"do $$ begin for i in 1..{transactions} loop perform pg_current_xact_id(); commit; end loop; end $$"
    )


@pytest.mark.parametrize("ids", ["lower", pytest.param("higher", marks=pytest.mark.long)])
async def test_a_copy_in_another_cluster_skips_nothing(
    connection: Connection, database: Database, other_server: Server, start_daemon: Start, ids: str
) -> None:
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    if ids == "lower":
        await advance(connection, 20_000)
    first = start_daemon(database).wait_ready("leading")
    await sign_up(connection, 150)
    await eventually(connection, LEFT_OUT, equals=0)
    await eventually(connection, "select enrollments from courses", equals=150)
    first.stop()
    await sign_up(connection, 120)  # unhandled in the dump
    copy = await asyncio.to_thread(restore, database, other_server)
    restored: Connection = await asyncpg.connect(copy.url)
    try:
        if ids == "higher":
            await advance(restored, 20_000)
        await sign_up(restored, 130)  # in the copy, before its daemon is there
        daemon = start_daemon(copy, audit_seconds=1).wait_ready("leading")
        await eventually(restored, LEFT_OUT, equals=0)
        await sign_up(restored, 1)
        await eventually(restored, LEFT_OUT, equals=0)
        assert await restored.fetchval("select count(*) from enrollments") == 401
        await eventually(restored, "select enrollments from courses", equals=401)
        assert await restored.fetchval("select count(*) from listener.course_drift") == 0
        (told,) = daemon.events("database_restored")
        assert told["students"] == 250
        daemon.stop()
        again = start_daemon(copy).wait_ready("leading")
        assert again.events("database_restored") == []
    finally:
        await restored.close()


async def test_checkpoints_from_the_future_are_noticed_where_the_identifier_cannot_be_read(
    connection: Connection, database: Database, start_daemon: Start
) -> None:
    await connection.execute(
        "insert into courses (title, price) values ('a', 1);"
        "delete from listener.cluster;"
        "update listener.checkpoint set handled = '900000000:900000000:'"
    )
    await sign_up(connection, 3)
    daemon = start_daemon(database).wait_ready("leading")
    await eventually(connection, LEFT_OUT, equals=0)
    assert len(daemon.events("database_restored")) == 1


@pytest.fixture
def upgraded() -> Iterator[Callable[[Server], Server]]:
    """Moves a cluster that stands still to the next version that is at hand, by pg_upgrade."""
    made: list[Server] = []

    def upgrade(old: Server) -> Server:
        new = Server(18)
        new.create("--no-data-checksums")
        new.run(
            "pg_upgrade",
            *("-b", str(old.program("postgres").parent), "-B", str(new.program("postgres").parent)),
            *("-d", str(old.data), "-D", str(new.data), "-U", "postgres", "-s", str(new.folder), "--no-sync"),
        )
        new.start()
        made.append(new)
        return new

    yield upgrade
    for each in made:
        each.destroy()


async def test_a_cluster_that_was_upgraded_is_no_copy(
    upgraded: Callable[[Server], Server], start_daemon: Start
) -> None:
    """pg_upgrade gives the cluster another number, and keeps its transaction ids: no note is lost, and none is handled
    again."""
    old = Server(16)
    try:
        old.create()
        old.start()
        old.psql("postgres", "create database school")
        old.psql("school", lms.schema())
        listener(old.url("school"), "install", check=True)
        old.psql("school", "insert into courses (title, price) values ('a', 1)")
        first = start_daemon(Database(old, "school")).wait_ready("leading")
        first.stop()
        old.psql("school", "insert into profiles (role) select 'student' from generate_series(1, 25)")
        notes = int(old.psql("school", "select count(*) from listener.change"))
        old.stop()
        new = upgraded(old)
    finally:
        old.destroy()
    assert int(new.psql("school", "select count(*) from listener.change")) == notes > 0
    daemon = start_daemon(Database(new, "school")).wait_ready("leading")
    connection: Connection = await asyncpg.connect(new.url("school"))
    try:
        await eventually(connection, LEFT_OUT, equals=0)
        await eventually(connection, "select enrollments from courses", equals=25)
        assert daemon.events("database_restored") == []
        daemon.stop()
        is_known = "select system_identifier = listener.cluster_identifier() from listener.cluster"
        assert await connection.fetchval(is_known), "the next copy is told from this cluster"
    finally:
        await connection.close()
