"""Databases in which somebody with few rights may prepare something, or has, on two versions of Postgres."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from listener.database.connection import Connection
from tests.conftest import Database, skip_if_missing
from tests.support.connecting import connect
from tests.support.mallory import Mallory
from tests.support.planted import ALARM, DAEMON, LMS, MALLORY, OWNER, ROLES
from tests.support.postgres import two_versions
from tests.support.process import listener


@pytest.fixture(params=two_versions(), ids=lambda version: f"postgres{version}")
def postgres_version(request: pytest.FixtureRequest) -> int:
    """Each test is run on two versions."""
    version: int = request.param
    skip_if_missing(version)
    return version


@pytest.fixture
def mallory(make_database: Callable[..., Database]) -> Mallory:
    """Somebody who may connect, beside the plain LMS of a superuser's, not installed."""
    return Mallory(make_database(installed=False))


@pytest.fixture
def empty_handed(make_database: Callable[..., Database]) -> Mallory:
    """The same in an empty database."""
    return Mallory(make_database(empty=True))


@dataclass
class Ground:
    """A school whose tables belong to an ordinary role, beside which the attacker may create things; a session of a
    superuser's, and of the attacker's."""

    database: Database
    connection: Connection
    mallory: Connection

    def url(self, role: str) -> str:
        """The address, as that role."""
        return self.database.server.url(self.database.name, user=role)

    def install(self, role: str | None = None, *more: str, **settings: Any) -> None:
        """As a superuser, or as that role; for the daemon's role."""
        listener(
            self.database.url if role is None else self.url(role), "install", "--grant-to", DAEMON, *more, **settings
        )

    async def taken(self) -> list[str]:
        """Whose rights the attacker had, and by what; a line without a name where it was undone."""
        rung = await self.connection.fetchval("select case when is_called then last_value else 0 end from alarm.rung")
        rows = await self.connection.fetch("select distinct who, what from alarm.taken")
        told = [f"{row['who']}: {row['what']}" for row in rows]
        return told or ["somebody, undone"] * bool(rung)


@pytest.fixture
async def ground(make_database: Callable[..., Database]) -> AsyncIterator[Ground]:
    """The tables are the owner's, in a schema in which everybody may create."""
    database = make_database(empty=True)
    psql = database.server.psql
    for role in ROLES:
        psql("postgres", f"do $$ begin create role {role} login; exception when duplicate_object then null; end $$")
    psql(
        database.name,
        f"alter schema public owner to {OWNER}; grant all on schema public to public;"
        f"grant create on database {database.name} to {OWNER};"
        f"set role {OWNER}; {LMS} reset role; {ALARM}",
    )
    connection: Connection = await connect(database.url)
    mallory: Connection = await connect(database.server.url(database.name, user=MALLORY))
    try:
        yield Ground(database, connection, mallory)
    finally:
        mallory.terminate()
        connection.terminate()
