"""The functions that the daemon's role may call do their own job, and no other, for any caller and any arguments."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from listener import sql
from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import listener

HANDLED = (
    "select listener.batch_is_handled($1, 0, pg_current_snapshot(), 1, null, null, null)",
    "select listener.fresh_is_handled($1, 0, array['3'::xid8], 1)",
)
CHECKPOINTS = "select consumer, seq from listener.checkpoint order by consumer, seq"
DOOR = r"listener\.(\w+)\("


@pytest.fixture
async def worker(database: Database, connection: Connection) -> AsyncIterator[Connection]:
    """A connection under the daemon's own role."""
    role = f"worker_{database.name}"
    await connection.execute(f"create role {role} login")
    await asyncio.to_thread(listener, database.url, "install", "--grant-to", role)
    working: Connection = await asyncpg.connect(database.url, user=role)
    yield working
    working.terminate()
    await connection.execute(f"drop owned by {role}; drop role {role}")


@pytest.mark.parametrize("name", ["enroll", "count", "nobody"])
@pytest.mark.half
async def test_no_other_reaction_s_notes_are_called_handled_by_an_installed_one(
    connection: Connection, worker: Connection, name: str
) -> None:
    before = await connection.fetch(CHECKPOINTS)
    for handled in HANDLED:
        with pytest.raises(asyncpg.UndefinedObjectError, match=f"there is no reaction {name} that was installed"):
            await worker.fetchval(handled, name)
    assert await connection.fetch(CHECKPOINTS) == before


async def test_nothing_is_purged_before_every_consumer_has_handled_it(
    connection: Connection, worker: Connection, course: None
) -> None:
    await connection.execute("insert into profiles (role) values ('student')")
    notes = await connection.fetchval("select count(*) from listener.change")
    await worker.fetchrow("select * from listener.purge('0', 1000, 0)")
    for consumer in ("enroll", "count"):
        await worker.fetchrow("select * from listener.purge_checkpoints($1, 0, 1000, 0)", consumer)
    assert await connection.fetchval("select count(*) from listener.change") == notes
    assert await connection.fetchval("select count(*) from listener.checkpoint") == 2
    assert await worker.fetchval("select enrolled from listener.enroll(100)") == 1


async def test_counting_passes_over_nothing_that_moves_a_count(
    connection: Connection, worker: Connection, course: None
) -> None:
    await connection.execute("insert into profiles (role) values ('student')")
    await worker.fetchrow("select * from listener.enroll(100)")
    assert await worker.fetchrow("select * from listener.pass_over_counting(0)") is None
    while await worker.fetchrow("select * from listener.pass_over_counting(1000)"):
        pass
    await worker.fetchrow("select * from listener.count(100)")
    assert await connection.fetchval("select enrollments from courses") == 1


async def test_each_door_is_there_with_its_owner_s_rights_and_a_path_of_its_own(
    connection: Connection, worker: Connection
) -> None:
    """But for what reads, or calls doors."""
    doors = await connection.fetch(
        """
        select proname as name, prosecdef as definer, proconfig as settings
        from pg_proc
        where pronamespace = 'listener'::regnamespace and proname in (select (regexp_matches($1, $2, 'g'))[1])
        """,
        sql.read("catalogue/doors"),
        DOOR,
    )
    own = {door["name"] for door in doors if not door["definer"]}
    reading = {"batch", "unhandled", "seen", "snapshot_of", "fresh", "ahead_of_all"}
    assert own == {"step", "lead", "has_default_course", *reading}
    wrong = [
        door["name"] for door in doors if door["definer"] and "search_path=pg_catalog, pg_temp" not in door["settings"]
    ]
    assert wrong == []
