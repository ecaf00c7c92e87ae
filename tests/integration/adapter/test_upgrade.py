"""From the installation of 0.1.0, which held the LMS's columns fast, to this one."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Database
from tests.support.dumping import dump_schema
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.project import SUPPORT
from tests.support.reactions import Folder

OF_0_1_0 = SUPPORT / "installed_0_1_0.sql"
SIGN_UP = "insert into profiles (role) values ('student'), ('teacher'), ('student')"
COURSE = "insert into courses (title, price) values ('default', 0) returning id"


@pytest.fixture
def old(make_database: Callable[..., Database]) -> Database:
    """The plain LMS, with 0.1.0 installed."""
    database = make_database(installed=False)
    database.server.psql(database.name, OF_0_1_0.read_text())
    return database


async def test_what_is_in_the_feed_is_handled_after_the_upgrade(
    old: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    app = await asyncpg.connect(old.url)
    course = await app.fetchval(COURSE)
    await app.execute(SIGN_UP)
    assert await app.fetchval("select count(*) from listener.change where profile_ids is not null") == 1
    listener(old.url, "install")
    start_daemon(old)
    await eventually(app, "select enrollments from courses where id = $1", course, equals=2)
    await app.close()


def test_the_upgrade_leads_to_what_a_new_installation_makes(
    old: Database, make_database: Callable[..., Database]
) -> None:
    listener(old.url, "install")
    new = make_database(installed=False)
    listener(new.url, "install")
    assert dump_schema(old) == dump_schema(new)


async def test_where_a_rename_had_stopped_sign_ups_the_upgrade_lets_them_go_on(
    old: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    app = await asyncpg.connect(old.url)
    course = await app.fetchval(COURSE)
    await app.execute(SIGN_UP)
    await app.execute("alter table profiles rename column role to kind")
    sign_up = SIGN_UP.replace("role", "kind")
    with pytest.raises(asyncpg.UndefinedColumnError, match="role"):
        await app.execute(sign_up)
    asked = listener(old.url, "install", check=False)
    assert asked.returncode == 2
    assert "LISTENER_STUDENT" in asked.stderr
    listener(old.url, "install", student_column="kind", student_values="student")
    await app.execute(sign_up)
    start_daemon(old)
    await eventually(app, "select enrollments from courses where id = $1", course, equals=4)
    await app.execute("alter table profiles drop column kind")
    await app.close()


async def test_what_an_earlier_version_may_have_purged_is_not_promised_to_be_handled_again(
    old: Database, tmp_path: Path
) -> None:
    app = await asyncpg.connect(old.url)
    await app.execute(SIGN_UP)
    await app.execute(
        "insert into listener.checkpoint (consumer, seq, handled) values ('enroll', 1, pg_current_snapshot())"
    )
    folder = Folder(tmp_path / "reactions", old)
    folder.write("all", "{{feed}} select batch_summary.* from batch_summary where batch_summary.changes > 0")
    folder.install()
    refused = listener(old.url, "replay", "all", "--since", "1 hour", check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("listener: notes up to ")
    await app.execute(SIGN_UP)
    younger = refused.stderr.rpartition("--since '")[2].partition("'")[0]
    assert "nothing to do" in listener(old.url, "replay", "all", "--since", younger).stdout
    await app.close()


def test_it_is_uninstalled_whatever_was_renamed(old: Database) -> None:
    before = dump_schema(old)
    assert "listener" in before
    old.server.psql(old.name, "alter table profiles rename column role to kind; alter table courses rename to classes")
    listener(old.url, "uninstall")
    assert "listener" not in dump_schema(old)
