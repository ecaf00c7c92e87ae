"""Servers once a run, a database from a template for every test, daemons that never outlive their test."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

import pytest

from listener.database.connection import Connection
from listener.schema import install
from tests.support import lms
from tests.support.connecting import connect
from tests.support.postgres import Server, asked_for, at_hand, missing
from tests.support.process import DaemonProcess, heed_signals

NEWEST = max(at_hand())
numbers = itertools.count(1)

FIRST_WITH_A_CLOSED_SCHEMA = 15
"""From this version on, not everybody may create in schema public: `schema_open` is a finding of the others'."""
NOBODY_ELSE_CREATES = "revoke create on schema public from public"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags of this test suite."""
    parser.addoption("--long", action="store_true", help="run the long form of the torture tests")
    parser.addoption("--seed", type=int, help="replay one fault history")
    parser.addoption("--histories", type=int, help="run so many fault histories, with seeds of their own")


SHARES = {"half": 2, "quarter": 4}
"""Of the cases of a test that is marked so, one of this many runs in the short form, and one at least."""
VERSION_OF_A_CASE = re.compile(r"(?<=[\[-])(?:postgres)?1[5-8](?=[\]-])")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is parametrized by a version runs on one of them, in turns, and on each in the long form: so a run takes
    minutes less, and a fault of one version is still met by its share of the cases. Cases that are marked so run in the
    long form alone."""
    if config.getoption("--long"):
        return
    _leave_out(config, items, [item for item in items if item.get_closest_marker("long") is not None])
    if asked_for() is None:
        cases: dict[str, list[pytest.Item]] = {}
        for item in items:
            cases.setdefault(VERSION_OF_A_CASE.sub("", item.nodeid), []).append(item)
        chosen = {id(found[crc32(case.encode()) % len(found)]) for case, found in cases.items()}
        if len(cases) > 1:  # a case that is asked for by itself runs as asked
            _leave_out(config, items, [item for item in items if id(item) not in chosen])
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left = list[pytest.Item]()
    for test, found in tests.items():
        of = max((SHARES.get(mark.name, 1) for mark in found[0].iter_markers()), default=1)
        left += [each for place, each in enumerate(found, crc32(test.encode())) if place % min(of, len(found))]
    _leave_out(config, items, left)


def _leave_out(config: pytest.Config, items: list[pytest.Item], left: list[pytest.Item]) -> None:
    """Unless nothing else was asked for."""
    if left and len(left) < len(items):
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """In the long form: what tests have to tell of their work, as `record_property("told", …)`."""
    if config.getoption("--long"):
        for report in (each for some in ("passed", "failed") for each in terminalreporter.getreports(some)):
            for name, told in report.user_properties:
                if name == "told" and report.when == "call":
                    terminalreporter.write_line(str(told))


def pytest_configure(config: pytest.Config) -> None:
    """Also as a background job."""
    config.addinivalue_line("markers", "long: a case that differs little from another one, for --long alone")
    config.addinivalue_line("markers", "half: of its many cases one half is for --long alone")
    config.addinivalue_line("markers", "quarter: of its very many cases three quarters are for --long alone")
    heed_signals()


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: most tests wait for something most of the time."""
    return len(os.sched_getaffinity(0)) + 2


def skip_if_missing(version: int) -> None:
    """Skip the test if there is no server of this version."""
    reason = missing(version)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Server]]:
    """The server of a version, started when it is first asked for."""
    running: dict[int, Server] = {}

    def get(version: int) -> Server:
        skip_if_missing(version)
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

    def drop(self) -> None:
        """Take it away, unless it is gone; sessions in it are ended."""
        terminate = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self.name}'"
        self.server.psql("postgres", f"{terminate}; drop database if exists {self.name} with (force)")


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
                server.psql(name, NOBODY_ELSE_CREATES)
                server.psql(name, lms.schema(key))
            made[asked] = name
        return made[asked]

    return get


def install_script(url: str, settings: dict[str, str] | None = None) -> str:
    """What `listener install --print` prints for a database."""
    import anyio

    async def script() -> str:
        connection = await connect(url)
        try:
            return (await install.plan(connection, settings or {})).text()
        finally:
            await connection.close()

    return anyio.run(script)


@pytest.fixture(scope="session")
def postgres_version() -> int:
    """The version that a test runs on, where it does not ask for several."""
    version = asked_for() or NEWEST
    skip_if_missing(version)
    return version


@pytest.fixture
def server(servers: Callable[[int], Server], postgres_version: int) -> Server:
    """The server that this test shares with others."""
    return servers(postgres_version)


@pytest.fixture
def make_database(server: Server, templates: Callable[[Server, str, bool], str]) -> Iterator[Callable[..., Database]]:
    """Makes databases: `make_database(key="uuid", installed=True)`."""
    made: list[Database] = []

    def make(key: str = "uuid", *, installed: bool = True, empty: bool = False) -> Database:
        database = Database(server, f"test_{next(numbers)}")
        template = "template0" if empty else templates(server, key, installed)
        server.copy(template, database.name)
        made.append(database)
        if empty and server.version < FIRST_WITH_A_CLOSED_SCHEMA:
            server.psql(database.name, NOBODY_ELSE_CREATES)
        return database

    yield make
    for each in made:
        each.drop()


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    """The plain LMS schema with uuid keys, installed, no rows."""
    return make_database()


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection to `database`, as superuser."""
    connection: Connection = await connect(database.url)
    yield connection
    connection.terminate()


@pytest.fixture
async def course(connection: Connection) -> None:
    """The one course."""
    await connection.execute("insert into courses (title, price) values ('a', 1)")


@pytest.fixture
def start_daemon(request: pytest.FixtureRequest) -> Iterator[Callable[..., DaemonProcess]]:
    """Starts daemons: `start_daemon(database, heartbeat_seconds=1)`. Where faults strike them, they start as users
    start them in the long form; elsewhere they need not import themselves."""
    started: list[DaemonProcess] = []
    is_long = request.config.getoption("--long") or request.config.getoption("--histories")
    cold = {"chaos", "daemon"} <= set(request.path.parts) and (is_long or request.path.stem == "test_shutdown")

    def start(database: Database, **settings: object) -> DaemonProcess:
        daemon = DaemonProcess(database.url, settings, cold=cold)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.clean_up()
