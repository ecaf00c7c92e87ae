"""Every time limit that a session has is set by us, whatever the role or the database sets for others."""

import asyncpg
import pytest

from listener.database.connection import Connection, connect, tune
from listener.database.limits import LIMITS, SINCE
from listener.database.session import looks_only
from tests.conftest import Database
from tests.support.connecting import connect as plainly
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres import Server, versions

OTHERS_MATTER = {"tcp_user_timeout", "wal_sender_timeout"}
"""Of the network, and of replication."""

BY_THE_SERVER = "select name from pg_settings where name like '%timeout%' and context = 'user'"


@pytest.fixture(params=versions(), ids=lambda version: f"postgres{version}")
def postgres_version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def expected(server: Server) -> dict[str, str]:
    return {name: value for name, value in LIMITS.items() if SINCE.get(name, 0) <= server.version}


async def in_force(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch("select name, setting from pg_settings where name = any ($1)", list(LIMITS))
    return {row["name"]: row["setting"] for row in rows}


async def limit_others(database: Database) -> None:
    """As careful people do, for the whole database."""
    superuser = await plainly(database.url)
    for name in expected(database.server):
        await superuser.execute(f"alter database {database.name} set {name} = '7777'")
    await superuser.close()


async def test_each_limit_that_the_server_knows_is_set(server: Server, database: Database) -> None:
    """A new version may bring another one: then this fails, and it belongs into `LIMITS`."""
    await limit_others(database)
    connection = await connect(database.url, application_name="test")
    try:
        known = {row["name"] for row in await connection.fetch(BY_THE_SERVER)} - OTHERS_MATTER
        assert known == set(expected(server))
        assert await in_force(connection) == expected(server)
        await tune(connection)
        assert "7777" not in (await in_force(connection)).values()
    finally:
        await connection.close()


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
async def test_behind_a_pooler_each_transaction_brings_them(server: Server, database: Database) -> None:
    await limit_others(database)
    pooler = PgBouncer(server, "transaction").start()
    try:
        connection = await connect(pooler.url(database.name), application_name="test")
        try:
            assert await in_force(connection) == expected(server)
            await looks_only(connection)
            assert "7777" not in (await in_force(connection)).values()
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.fetch("create table t ()")
        finally:
            await connection.close()
    finally:
        pooler.stop()
