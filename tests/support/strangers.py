"""Somebody with a login and no rights at all, who takes locks of ours."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from listener.database.connection import Connection
from tests.conftest import Database

CLASS = 0x4C495354
"""As anybody reads it in pg_locks."""

ALL = f"select pg_advisory_lock({CLASS}, number) from generate_series(1, 5) as number"
"""Every lock that the listener ever had."""

LEADERS = f"select pg_advisory_lock({CLASS}, 1)"
BELL = f"select pg_advisory_lock({CLASS}, 2)"

Stranger = Callable[..., Awaitable[Connection]]


def make_role(database: Database, role: str) -> None:
    """A login, and nothing else."""
    create = f"create role {role} login; exception when duplicate_object then null;"
    database.server.psql("postgres", f"do $$ begin {create} end $$")


@asynccontextmanager
async def strangers(database: Database) -> AsyncIterator[Stranger]:
    """Makes sessions: `await stranger("stranger", application_name="listener")`."""
    made: list[Connection] = []

    async def connect(role: str = "stranger", **settings: Any) -> Connection:
        make_role(database, role)
        url = database.server.url(database.name, user=role)
        connection: Connection = await asyncpg.connect(url, server_settings=settings)
        made.append(connection)
        return connection

    yield connect
    for connection in made:
        connection.terminate()
