"""`feed_lag`: a change waits for too long. All findings are of one snapshot, however long it takes to look for them."""

import asyncpg
import pytest

from listener import sql
from listener.database.connection import Connection
from tests.conftest import Database

NOTE = """
insert into listener.change (source, operation, profile_ids, at)
values ('profiles', 'insert', '{}', clock_timestamp() - make_interval(secs => $1))
"""


@pytest.mark.parametrize(("waited", "affected"), [(9.0, 0), (11.0, 1)])
async def test_the_time_that_diagnose_takes_is_no_lag(
    connection: Connection, database: Database, waited: float, affected: int
) -> None:
    await connection.execute(NOTE, waited)
    other: Connection = await asyncpg.connect(database.url)
    async with other.transaction(isolation="repeatable_read", readonly=True):
        await other.execute("select pg_sleep(1.5)")
        row = await other.fetchrow(sql.read("inspection/findings", "feed_lag"))
    await other.close()
    assert row is not None
    assert row["affected"] == affected
