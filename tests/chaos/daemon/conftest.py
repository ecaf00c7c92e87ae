"""A server that may be treated badly, shared by the tests that do."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import moved_clock
from tests.support.connecting import connect
from tests.support.moved_clock import Clock
from tests.support.odd_times import CONNECTIONS
from tests.support.postgres import Server, asked_for, at_hand, knows_tls


@pytest.fixture(scope="session")
def clock() -> Iterator[Clock | None]:
    """Of the server; None where nothing can be compiled."""
    folder = Path(tempfile.mkdtemp(prefix="listener-clock-"))
    folder.chmod(0o755)
    yield Clock(folder) if moved_clock.COMPILER is not None else None
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def mistreated(postgres_version: int, clock: Clock | None) -> Iterator[Server]:
    """Of a version that knows TLS, if there is one."""
    settings = {"max_connections": str(CONNECTIONS)}
    versions = at_hand() if asked_for() is None else [postgres_version]
    version = max(filter(knows_tls, versions), default=postgres_version)
    server = Server(version, settings=settings, environment={} if clock is None else clock.environment)
    server.create()
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def school(mistreated: Server, templates: Callable[[Server, str, bool], str]) -> Iterator[Database]:
    """The plain LMS with one course."""
    mistreated.copy(templates(mistreated, "uuid", True), "school")
    mistreated.psql("school", "insert into courses (title, price) values ('a', 1)")
    yield Database(mistreated, "school")
    mistreated.psql("postgres", "drop database school with (force)")


@pytest.fixture
async def app(school: Database) -> AsyncIterator[Connection]:
    """A connection to `school`."""
    connection = await connect(school.url)
    yield connection
    connection.terminate()
