"""What people bring from other tools: --json, -h, an address for the owner and one for the daemon, a rule in a file, a
database that is not up yet; and an uninstallation that says what it takes away."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from listener.cli import command
from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, environment, listener
from tests.support.terminal import in_terminal

OF_THEIR_OWN = {"run", "demo"}
"""The daemon's log is JSON, and the demo is for people's eyes."""

KEY = "00000000-0000-0000-0000-000000000001"
NEED = {
    "explain": (KEY,),
    "wait": (KEY, "--timeout", "0"),
    "forget": (KEY,),
    "pause": ("enroll",),
    "resume": ("enroll",),
    "undo": ("--since", "1 hour"),
    "history": (KEY,),
}
LAST = ("undo", "uninstall")
QUERY = "select profiles.id, courses.id from profiles, courses where profiles.role = 'guest'\n"


def commands() -> list[str]:
    parser: Any = command()
    return sorted(
        parser.commands.keys() - OF_THEIR_OWN - {"replay", "try", "fleet"}, key=lambda name: (name in LAST, name)
    )


def test_every_command_that_prints_has_json_and_a_short_help() -> None:
    parser: Any = command()
    of_many = parser.commands["fleet"].commands
    for name, each in {**parser.commands, **of_many}.items():
        if name == "fleet":
            continue
        flags = {flag for parameter in each.params for flag in parameter.opts}
        assert "--json" in flags or name in OF_THEIR_OWN, name
        assert parser.context_settings["help_option_names"] == ["-h", "--help"]


def test_json_is_what_every_command_prints_then(make_database: Callable[..., Database]) -> None:
    database = make_database()
    listener(database.url, "install", history_days=7)
    database.server.psql(database.name, f"insert into profiles (id, role) values ('{KEY}', 'student')")
    for name in commands():
        done = listener(database.url, name, *NEED.get(name, ()), "--json", check=False)
        assert done.stderr == "", (name, done.stderr)
        told = json.loads(done.stdout)
        assert isinstance(told, dict), name
        if "says" in told and "exit_status" in told:
            assert told["exit_status"] == done.returncode, name
            assert told["says"], name
    again = json.loads(listener(database.url, "uninstall", "--json").stdout)
    assert again == {"says": ["nothing was installed"], "exit_status": 0}


async def test_wait_ends_once_everything_is_handled(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    profile = str(await connection.fetchval("insert into profiles (role) values ('student') returning id"))
    late = await asyncio.to_thread(listener, database.url, "wait", profile, "--timeout", "0.2", check=False)
    assert (late.returncode, late.stdout) == (1, "not handled after 0.2 s; `listener status` says who works\n")
    unknown = await asyncio.to_thread(listener, database.url, "wait", KEY, check=False)
    assert (unknown.returncode, "there is no profile" in unknown.stderr) == (2, True)
    no_key = await asyncio.to_thread(listener, database.url, "wait", "x", check=False)
    assert (no_key.returncode, "is no key of a profile" in no_key.stderr) == (2, True)
    waiting = asyncio.create_task(asyncio.to_thread(listener, database.url, "wait", profile))
    start_daemon(database).wait_ready("leading")
    assert (await waiting).stdout == "everything noted for it is handled\n"
    assert await connection.fetchval("select count(*) from enrollments") == 1
    await connection.execute("delete from enrollments; delete from courses")
    alone = str(await connection.fetchval("insert into profiles (role) values ('student') returning id"))
    told = await asyncio.to_thread(listener, database.url, "wait", alone, "--timeout", "3", check=False)
    assert (told.returncode, told.stdout) == (1, "set aside: no_course; `listener explain` says more\n")


def test_the_owner_s_commands_have_an_address_of_their_own(
    make_database: Callable[..., Database], tmp_path: Path, start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(installed=False)
    role = f"worker_{database.name}"
    database.server.psql("postgres", f"create role {role} login")
    worker = database.server.url(database.name, user=role)
    file = tmp_path / "owner"
    file.write_text(f"{database.url}\n")
    try:
        assert "\ninstalled schema" in listener(worker, "install", admin_url=database.url).stdout
        granted = listener(worker, "install", "--grant-to", role, "--grant-now", role, admin_url=database.url).stdout
        assert "\ngranted; nothing else of schema listener has changed\n" in granted
        assert f"\n{role} may call listener.enroll_now and listener.settled\n" in granted
        assert listener(worker, "diagnose", admin_url_file=file).returncode == 0
        refused = listener(worker, "install", "--database-url", worker, check=False, admin_url=database.url)
        assert refused.returncode == 2, "the flag says which"
        daemon = start_daemon(database, database_url=worker, admin_url="postgresql://nobody@127.0.0.1:1/x")
        daemon.wait_ready("leading")
        wrong = listener(worker, "status", check=False, admin_url="mysql://owner:secret@h/x")
        assert (wrong.returncode, "secret" in wrong.stderr) == (2, False)
        assert wrong.stderr.startswith("listener: LISTENER_ADMIN_URL: ")
        daemon.stop()
    finally:
        database.server.psql(database.name, f"drop owned by {role}")
        database.server.psql("postgres", f"drop role {role}")


@pytest.mark.parametrize(
    "command", ["install --plan", "install --print", "diagnose", "status", "pending", "rule", "sync --dry-run"]
)
def test_a_reader_that_has_seen_enough_is_no_error(database: Database, command: str) -> None:
    """As `head` is."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "listener", *command.split()],
        env=environment(database.url),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("command", ["rule", "install --print"], ids=["short", "long"])
def test_a_full_disk_is_told_in_a_line(database: Database, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "listener", *command.split()],
            env=environment(database.url),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (2, "listener: cannot write: No space left on device.\n")


def test_the_rule_may_be_in_a_file(make_database: Callable[..., Database], tmp_path: Path) -> None:
    database = make_database(installed=False)
    file = tmp_path / "rule.sql"
    file.write_text(QUERY)
    listener(database.url, "install", wanted_query_file=file)
    assert "'guest'" in listener(database.url, "rule").stdout
    both = listener(database.url, "install", check=False, wanted_query_file=file, wanted_query=QUERY)
    assert both.stderr == "listener: LISTENER_WANTED_QUERY_FILE: LISTENER_WANTED_QUERY is set, too.\n"
    gone = listener(database.url, "install", check=False, wanted_query_file=tmp_path / "none")
    assert gone.stderr == "listener: LISTENER_WANTED_QUERY_FILE: cannot be read: No such file or directory.\n"


def test_install_waits_for_a_database_that_is_not_up_yet(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = database.url.replace(f":{database.server.port}/", f":{port}/")
    assert "cannot reach the database" in listener(nobody, "install", "--wait", "0.5", check=False).stderr
    late = f"{database.name}_late"
    rename = "alter database {} rename to {}".format
    with ThreadPoolExecutor(1) as pool:
        installing = pool.submit(listener, database.server.url(late), "install", "--wait", "30")
        wait_until(lambda: f'"{late}" does not exist' in database.server.log(), "it has tried")
        database.server.psql("postgres", rename(database.name, late))
        try:
            assert "installed schema listener" in installing.result().stdout
        finally:
            database.server.psql("postgres", rename(late, database.name))


def test_uninstall_says_what_goes_what_stays_and_that_a_daemon_runs(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(installed=False)
    listener(database.url, "install", "--grant-to", "pg_monitor", "--grant-now", "pg_monitor")
    daemon = start_daemon(database).wait_ready("leading")
    said = listener(database.url, "uninstall").stdout
    assert "takes away: triggers, " in said
    assert "5 on enrollments" in said or "4 on enrollments" in said
    assert "takes away: profile_enrollment_sync_status and get_enrollment_statistics() in schema public" in said
    assert "stays: every row of your tables" in said
    assert "stays: pg_monitor, without rights here" in said
    assert "stays: pg_monitor, without listener.enroll_now" in said
    assert "of a daemon still here" in said
    assert said.endswith("removed schema listener\n")
    daemon.stop()


@pytest.mark.parametrize("answer", ["n", "y"])
def test_uninstall_asks_in_a_terminal(make_database: Callable[..., Database], server: Server, answer: str) -> None:
    database = make_database()
    shown = in_terminal(database.url, "uninstall", until="Uninstall?", answer=f"{answer}\n")
    assert shown.status == (1 if answer == "n" else 0)
    there = server.psql(database.name, "select to_regnamespace('listener') is not null").strip()
    assert there == ("t" if answer == "n" else "f")
