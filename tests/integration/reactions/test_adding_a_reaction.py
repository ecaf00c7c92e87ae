"""The reaction that CONTRIBUTING adds, made in a copy of the project as the page says, and run."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from listener.adapter.install import VERSION
from listener.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.project import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILE = re.compile(r"^ *-- example: (sql/\S+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
REGISTRATION = re.compile(r"^ *(FURTHER: .*)$", re.MULTILINE)
STUDENT = "insert into profiles (role) values ('student') returning id"
WELCOMED = "select coalesce(array_agg(profile_id order by profile_id), '{}') from listener.welcome_queue"


def replace(file: Path, line: re.Pattern[str], by: str) -> None:
    text, replaced = line.subn(by, file.read_text(encoding="utf-8"))
    assert replaced == 1
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with the page's three edits; from here on, `listener` is this one."""
    for folder in ("listener", "sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    files = FILE.findall(PAGE)
    assert [name for name, _ in files] == ["sql/migrations/NNNN_welcome.sql", "sql/reactions/welcome.sql"]
    for name, text in files:
        (tmp_path / name.replace("NNNN", f"{VERSION + 1:04}")).write_text(dedent(text), encoding="utf-8")
    (registration,) = REGISTRATION.findall(PAGE)
    version = re.compile(r"^VERSION = \d+$", re.MULTILINE)
    replace(tmp_path / "listener/adapter/install.py", version, f"VERSION = {VERSION + 1}")
    replace(tmp_path / "listener/feed/registry.py", re.compile(r"^FURTHER: .*$", re.MULTILINE), registration)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


async def test_the_reaction_that_contributing_adds_reacts_once_to_each_student(
    database: Database, connection: Connection, copy: Path, start_daemon: Callable[..., DaemonProcess]
) -> None:
    await connection.execute("create role welcomer login")
    listener(database.url, "install", "--grant-to", "welcomer")
    daemon = start_daemon(Database(database.server, f"{database.name}?user=welcomer"), retention_seconds=0)
    daemon.wait_ready("leading")

    students = [await connection.fetchval(STUDENT) for _ in range(5)]
    await connection.execute("insert into profiles (role) values ('teacher')")
    again = "update profiles set role = $2 where id = $1"
    await connection.execute(again, students[0], "teacher")
    await connection.execute(again, students[0], "student")
    await eventually(connection, WELCOMED, equals=sorted(students))

    daemon.kill()
    students.append(await connection.fetchval(STUDENT))
    daemon = start_daemon(database).wait_ready("leading")
    await eventually(connection, WELCOMED, equals=sorted(students))
    await eventually(connection, "select count(*) from listener.unhandled('welcome')", equals=0)
    assert daemon.metric('listener_batch_changes_count{consumer="welcome"}') >= 1


async def test_notes_stay_until_the_reaction_has_handled_them(
    database: Database, connection: Connection, copy: Path, start_daemon: Callable[..., DaemonProcess]
) -> None:
    listener(database.url, "install")
    await connection.execute("alter table listener.welcome_queue add constraint full_up check (false)")
    student = await connection.fetchval(STUDENT)
    daemon = start_daemon(database, retention_seconds=0, sample_seconds=1).wait_ready("leading")
    await eventually(connection, "select count(*) from listener.unhandled('enroll')", equals=0)
    wait_until(lambda: daemon.metric("listener_samples_total") >= 2, "the purge, due before, has come by")
    assert await connection.fetchval("select count(*) from listener.unhandled('welcome')") == 1
    assert daemon.metric("listener_backlog_changes") == 1
    daemon.kill()

    await connection.execute("alter table listener.welcome_queue drop constraint full_up")
    start_daemon(database, retention_seconds=0).wait_ready("leading")
    await eventually(connection, WELCOMED, equals=[student])
    await eventually(connection, "select count(*) from listener.change", equals=0)


async def test_the_reaction_is_paused_by_its_name_and_the_others_go_on(
    database: Database, connection: Connection, copy: Path, start_daemon: Callable[..., DaemonProcess]
) -> None:
    listener(database.url, "install")
    daemon = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    assert "welcome is paused" in listener(database.url, "pause", "welcome").stdout
    wait_until(lambda: daemon.metric('listener_paused{reaction="welcome"}') == 1, "the leader was told")
    student = await connection.fetchval(STUDENT)
    await eventually(connection, "select count(*) from listener.unhandled('enroll')", equals=0)
    await eventually(connection, "select count(*) from listener.unhandled('count')", equals=0)
    assert await connection.fetchval(WELCOMED) == []
    listener(database.url, "resume", "welcome")
    await eventually(connection, WELCOMED, equals=[student])
    unknown = listener(database.url, "pause", "farewell", check=False)
    assert unknown.stderr == "listener: farewell is no reaction. Those that there are: enroll, count, welcome.\n"
