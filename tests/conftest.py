"""Servers once a run, a database from a template for every test, daemons that never outlive their test."""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from listener.adapter import install
from listener.adapter.discovery import discover
from listener.connection import Connection
from tests.support import lms
from tests.support.postgres import Server, binaries
from tests.support.process import DaemonProcess, heed_signals

NEWEST = max(binaries())
numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags of this test suite."""
    parser.addoption("--long", action="store_true", help="run the long form of the torture tests")
    parser.addoption("--seed", type=int, help="replay one fault history")
    parser.addoption("--histories", type=int, help="run so many fault histories, with seeds of their own")


def pytest_configure() -> None:
    """Also as a background job."""
    heed_signals()


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: most tests wait for something most of the time."""
    return len(os.sched_getaffinity(0)) + 2


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Server]]:
    """The server of a version, started when it is first asked for."""
    running: dict[int, Server] = {}

    def get(version: int) -> Server:
        if version not in running:
            server = Server(version)
            server.create()
            server.start()
            running[version] = server
        return running[version]

    yield get
    for server in running.values():
        server.destroy()


@dataclass(frozen=True)
class Database:
    """A database of this test's own."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        """Its address, as superuser."""
        return self.server.url(self.name)


@pytest.fixture(scope="session")
def templates(servers: Callable[[int], Server]) -> Callable[[Server, str, bool], str]:
    """The name of a template database with the plain LMS schema: (server, key type, with `listener` installed)."""
    made: dict[tuple[int, str, bool], str] = {}

    def get(server: Server, key: str, installed: bool) -> str:
        asked = (server.port, key, installed)
        if asked not in made:
            name = f"template_{key}_{'installed' if installed else 'plain'}"
            if installed:
                plain = get(server, key, False)
                server.copy(plain, name)
                server.psql(name, install_script(server.url(name)))
            else:
                server.psql("postgres", f"create database {name}")
                server.psql(name, lms.schema(key))
            made[asked] = name
        return made[asked]

    return get


def install_script(url: str, settings: dict[str, str] | None = None) -> str:
    """What `listener install --print` prints for a database."""
    import anyio

    async def script() -> str:
        connection = await asyncpg.connect(url)
        try:
            return install.script(await discover(connection, settings))
        finally:
            await connection.close()

    return anyio.run(script)


@pytest.fixture(scope="session")
def postgres_version() -> int:
    """The version that a test runs on, where it does not ask for several."""
    return int(os.environ.get("TEST_POSTGRES", NEWEST))


@pytest.fixture
def server(servers: Callable[[int], Server], postgres_version: int) -> Server:
    """The server that this test shares with others."""
    return servers(postgres_version)


@pytest.fixture
def make_database(server: Server, templates: Callable[[Server, str, bool], str]) -> Iterator[Callable[..., Database]]:
    """Makes databases: `make_database(key="uuid", installed=True)`."""
    made: list[str] = []

    def make(key: str = "uuid", *, installed: bool = True, empty: bool = False) -> Database:
        name = f"test_{next(numbers)}"
        template = "template0" if empty else templates(server, key, installed)
        server.copy(template, name)
        made.append(name)
        return Database(server, name)

    yield make
    for name in made:
        terminate = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        server.psql("postgres", f"{terminate}; drop database if exists {name} with (force)")


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    """The plain LMS schema with uuid keys, installed, no rows."""
    return make_database()


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection to `database`, as superuser."""
    connection: Connection = await asyncpg.connect(database.url)
    yield connection
    connection.terminate()


@pytest.fixture
async def course(connection: Connection) -> None:
    """The one course."""
    await connection.execute("insert into courses (title, price) values ('a', 1)")


@pytest.fixture
def start_daemon(request: pytest.FixtureRequest) -> Iterator[Callable[..., DaemonProcess]]:
    """Starts daemons: `start_daemon(database, heartbeat_seconds=1)`. Where faults strike, they start as users start
    them; elsewhere they need not import themselves."""
    started: list[DaemonProcess] = []
    cold = "chaos" in request.path.parts

    def start(database: Database, **settings: object) -> DaemonProcess:
        daemon = DaemonProcess(database.url, settings, cold=cold)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.clean_up()
