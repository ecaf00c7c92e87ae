"""The school of each way to leave, with its daemon; and schools with a rule of their own."""

from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.postgres import Server
from tests.support.process import DaemonProcess
from tests.support.wanted import tables
from tests.support.wanted.school import LEAVING, SETTINGS, Attend, School, installed


@pytest.fixture(scope="module")
def at_work(
    servers: Callable[[int], Server], postgres_version: int
) -> Iterator[Callable[[str], tuple[Database, DaemonProcess]]]:
    """The school of each way to leave, with its daemon, made when it is first asked for."""
    made: dict[str, tuple[Database, DaemonProcess]] = {}

    async def make(url: str, on_leave: str) -> None:
        app = await installed(url, tables.TABLES + tables.NOT_UNIQUE, tables.ORGANISATION, on_leave)
        await app.close()

    def get(on_leave: str) -> tuple[Database, DaemonProcess]:
        if on_leave not in made:
            database = Database(servers(postgres_version), f"wanted_{on_leave}")
            database.server.psql("postgres", f"create database {database.name}")
            anyio.run(make, database.url, on_leave)
            made[on_leave] = database, DaemonProcess(database.url, dict(SETTINGS), cold=False).wait_ready("leading")
        return made[on_leave]

    yield get
    for database, daemon in made.values():
        daemon.clean_up()
        database.server.psql("postgres", f"drop database {database.name} with (force)")


@pytest.fixture(params=["keep", *LEAVING])
def on_leave(request: pytest.FixtureRequest) -> str:
    """What becomes of those who leave."""
    return str(request.param)


@pytest.fixture
def shared(at_work: Callable[[str], tuple[Database, DaemonProcess]], on_leave: str) -> str:
    """The address of the school that has it."""
    return at_work(on_leave)[0].url


@pytest.fixture
async def school(shared: str, on_leave: str) -> AsyncIterator[School]:
    """A course per organisation; nothing forbids two enrollments of a profile in a course."""
    made = School(await connect(shared), on_leave)
    yield made
    made.app.terminate()


@pytest.fixture
async def attend(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> AsyncIterator[Attend]:
    """Makes schools with a rule of their own: `await attend(query, "keep")`."""
    made: list[School] = []

    async def make(query: str, on_leave: str = "keep", more: str = "", **settings: str) -> School:
        database = make_database(empty=True)
        app = await installed(database.url, tables.TABLES + more, query, on_leave, **settings)
        made.append(School(app, on_leave))
        start_daemon(database, **SETTINGS).wait_ready("leading")
        return made[-1]

    yield make
    for school in made:
        school.app.terminate()
