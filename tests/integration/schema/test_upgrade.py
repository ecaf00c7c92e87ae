"""From a development version, of before the first release, to this one: its user is told what to do."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.conftest import Database
from tests.support.dumping import dump_schema
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

SIGN_UP = "insert into profiles (role) values ('student'), ('teacher'), ('student')"
COURSE = "insert into courses (title, price) values ('default', 0) returning id"


@pytest.fixture
def old(database: Database) -> Database:
    """What a development version has installed, with the same tables but for one column."""
    database.server.psql(
        database.name,
        "alter table listener.installation alter version type integer; update listener.installation set version = 9",
    )
    return database


@pytest.mark.parametrize("command", ["install", "install --print", "status", "diagnose", "sync", "explain 1"])
def test_what_to_do_is_said_in_one_line_and_nothing_is_changed(old: Database, command: str) -> None:
    before = dump_schema(old)
    refused = listener(old.url, *command.split(), check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("listener: what is installed was made by a development version")
    assert "run `listener uninstall`" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert dump_schema(old) == before


async def test_nothing_is_lost_in_the_lms_s_tables(
    old: Database, make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    app = await asyncpg.connect(old.url)
    course = await app.fetchval(COURSE)
    await app.execute(SIGN_UP)
    daemon = start_daemon(old)
    wait_until(lambda: bool(daemon.events("not_ready")), "the daemon says that it is not ready")
    assert "development version" in daemon.events("not_ready")[0]["error"]
    listener(old.url, "uninstall")
    assert await app.fetchval("select to_regnamespace('listener')") is None
    assert await app.fetchval("select count(*) from profiles") == 3
    listener(old.url, "install")
    daemon.wait_ready("leading")
    listener(old.url, "sync")
    await eventually(app, "select enrollments from courses where id = $1", course, equals=2)
    new = make_database(installed=False)
    listener(new.url, "install")
    assert dump_schema(old) == dump_schema(new)
    await app.close()
