"""Installing: repeatable, reviewable, upgradable, gone without a trace, and never in the way of a sign-up."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import asyncpg
import pytest

from listener import sql
from listener.catalogue import installation
from listener.database import patience
from tests.conftest import Database
from tests.support.dumping import dump_schema
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, environment, listener

SIGN_UP = "insert into profiles (role) values ('student')"
VERSION = "select version from listener.installation"


def ask(database: Database, query: str) -> str:
    return database.server.psql(database.name, query).strip()


@pytest.fixture
def plain(make_database: Callable[..., Database]) -> Database:
    """The plain LMS schema, nothing installed."""
    return make_database(installed=False)


@pytest.fixture
def second(make_database: Callable[..., Database]) -> Database:
    """One more of the same."""
    return make_database(installed=False)


@pytest.fixture
def newer(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """This program, one version further: it has one more migration."""
    package = tmp_path / "listener"
    shutil.copytree(sql.folder().parent / "listener", package, ignore=shutil.ignore_patterns("sql"))
    shutil.copytree(sql.folder(), package / "sql")
    version = installation.VERSION + 1
    (package / "sql" / "schema" / "tables" / f"{version:04}_further.sql").write_text(
        "alter table listener.change add further text;"
    )
    source = package / "catalogue" / "installation.py"
    source.write_text(re.sub(r"^VERSION = \d+$", f"VERSION = {version}", source.read_text(), flags=re.MULTILINE))

    def run(database: Database, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "listener", *arguments],
            env=environment(database.url),
            cwd=tmp_path,
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_installing_twice_changes_nothing_the_second_time(plain: Database) -> None:
    listener(plain.url, "install")
    before = dump_schema(plain)
    ask(plain, SIGN_UP)
    assert "nothing to do" in listener(plain.url, "install").stdout
    assert dump_schema(plain) == before
    assert ask(plain, "select count(*) from listener.change") == "1"


@pytest.mark.parametrize(
    "gone",
    [
        "function listener.audit_students, listener.make_good_students",
        "function listener.enroll_now",
        "view listener.student",
    ],
)
def test_functions_and_views_that_are_gone_are_made_again(plain: Database, gone: str) -> None:
    listener(plain.url, "install")
    before = dump_schema(plain)
    ask(plain, f"drop {gone}")
    listener(plain.url, "install")
    assert dump_schema(plain) == before
    assert "nothing to do" in listener(plain.url, "install").stdout


def test_what_is_printed_for_review_does_what_install_does(plain: Database, second: Database) -> None:
    ask(plain, listener(plain.url, "install", "--print").stdout)
    listener(second.url, "install")
    assert dump_schema(plain) == dump_schema(second)
    assert "nothing to do" in listener(plain.url, "install").stdout


def test_printing_changes_nothing_and_says_first_where_each_part_begins(plain: Database) -> None:
    before = dump_schema(plain)
    script = listener(plain.url, "install", "--print").stdout
    assert dump_schema(plain) == before
    told, _, rest = script.partition("begin;")
    parts = [line.removeprefix("--   ") for line in told.splitlines() if line.startswith("--   == ")]
    assert len(parts) > 5
    assert parts == [line.removeprefix("-- ") for line in rest.splitlines() if line.startswith("-- == ")]


def test_uninstalling_leaves_no_trace(plain: Database) -> None:
    before = dump_schema(plain)
    ask(plain, f"insert into courses (title) values ('a'); {SIGN_UP}")
    listener(plain.url, "install")
    ask(plain, SIGN_UP)
    assert dump_schema(plain) != before
    listener(plain.url, "uninstall")
    assert dump_schema(plain) == before
    assert ask(plain, "select count(*) from profiles") == "2"
    assert "nothing was installed" in listener(plain.url, "uninstall").stdout


def test_a_script_that_fails_in_the_end_leaves_nothing_behind(plain: Database) -> None:
    before = dump_schema(plain)
    script = listener(plain.url, "install", "--print").stdout
    assert script.rstrip().endswith("commit;"), "one transaction"
    with pytest.raises(subprocess.CalledProcessError):
        ask(plain, script.rstrip().removesuffix("commit;") + "select 1 / 0; commit;")
    assert dump_schema(plain) == before


def test_an_empty_schema_of_that_name_is_in_nobody_s_way_and_another_is_left_alone(plain: Database) -> None:
    ask(plain, "create schema listener; create table listener.podcast (id integer)")
    refused = listener(plain.url, "install", check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "listener.podcast" in refused.stderr
    ask(plain, "drop table listener.podcast")
    listener(plain.url, "install")
    assert ask(plain, VERSION) == str(installation.VERSION)


def test_what_the_lms_puts_in_the_place_of_our_view_and_function_is_its_own(plain: Database) -> None:
    listener(plain.url, "install")
    ask(plain, "comment on view profile_enrollment_sync_status is 'as we know it'")
    ask(plain, "update listener.installation set fingerprint = 'of old'")
    listener(plain.url, "install")
    columns = ask(plain, "select pg_get_function_result('get_enrollment_statistics()'::regprocedure)")
    ask(
        plain,
        f"""
        create or replace function get_enrollment_statistics() returns {columns} language sql
        as 'select 1, 2, 3, 4, 5, 6, 7';
        drop view profile_enrollment_sync_status;
        create view profile_enrollment_sync_status as select 'ours' as whose;
        comment on view profile_enrollment_sync_status is 'made by listener install';
        update listener.installation set fingerprint = 'of old';
        """,
    )
    for command in ("install", "uninstall"):
        listener(plain.url, command)
        assert ask(plain, "select whose from profile_enrollment_sync_status") == "ours"
        assert ask(plain, "select total_students from get_enrollment_statistics()") == "2"


def test_nothing_stands_in_the_lms_s_schema_if_that_is_asked_for(plain: Database) -> None:
    listener(plain.url, "install")
    listener(plain.url, "install", statistics="none")
    assert ask(plain, "select to_regclass('profile_enrollment_sync_status')") == ""
    assert ask(plain, "select to_regprocedure('get_enrollment_statistics()')") == ""
    assert "nothing to do" in listener(plain.url, "install").stdout


def test_an_upgrade_keeps_what_is_in_the_feed(
    plain: Database, second: Database, newer: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    listener(plain.url, "install")
    ask(plain, SIGN_UP)
    newer(plain, "install")
    assert ask(plain, VERSION) == str(installation.VERSION + 1)
    assert ask(plain, "select count(*) from listener.unhandled('enroll') where further is null") == "1"
    assert "nothing to do" in newer(plain, "install").stdout
    newer(second, "install")
    assert dump_schema(plain) == dump_schema(second), "as if it had been installed from nothing"


def test_a_newer_installation_is_refused(
    plain: Database, newer: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    newer(plain, "install")
    before = dump_schema(plain)
    refused = listener(plain.url, "install", check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    looked = listener(plain.url, "status", check=False)
    assert (looked.returncode, looked.stderr) == (1, "")
    for said in (refused.stderr, looked.stdout):
        assert f"version {installation.VERSION + 1}" in said
        assert "update this program" in said
    assert dump_schema(plain) == before


def test_an_older_installation_must_be_upgraded_first(
    plain: Database, newer: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    listener(plain.url, "install")
    refused = newer(plain, "sync", check=False)
    assert refused.returncode == 2
    assert "run `listener install`" in refused.stderr
    looked = newer(plain, "status", check=False)
    assert looked.returncode == 1
    assert "run `listener install`" in looked.stdout


@pytest.mark.parametrize("command", ["status", "sync"])
def test_a_command_that_needs_an_installation_says_so(plain: Database, command: str) -> None:
    refused = listener(plain.url, command, check=False)
    assert refused.returncode == 2
    assert "run `listener install` first" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("change", ["- 'profile_table'", """|| '{"unheard_of": 1}'"""])
@pytest.mark.half
def test_what_another_version_wrote_in_a_form_of_its_own_can_be_refused_and_removed(
    database: Database, change: str, start_daemon: Callable[..., DaemonProcess]
) -> None:
    ask(database, f"update listener.installation set mapping = mapping {change}, version = {installation.VERSION + 1}")
    for command in ("status", "diagnose"):
        looked = listener(database.url, command, check=False)
        assert (looked.returncode, looked.stderr) == (1, "")
        assert "update this program" in looked.stdout
    for command in ("sync", "install"):
        refused = listener(database.url, command, check=False)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
        assert "update this program" in refused.stderr
    daemon = start_daemon(database)
    wait_until(lambda: bool(daemon.events("not_ready")), "the daemon says that it is not ready")

    ask(database, f"update listener.installation set version = {installation.VERSION - 1}")
    refused = listener(database.url, "install", check=False)
    assert refused.returncode == 2
    assert "run `listener uninstall`" in refused.stderr
    listener(database.url, "uninstall")
    listener(database.url, "install")
    daemon.wait_ready("leading")


def test_a_daemon_waits_for_the_installation(plain: Database, start_daemon: Callable[..., DaemonProcess]) -> None:
    daemon = start_daemon(plain)
    wait_until(lambda: bool(daemon.events("not_ready")), "it says that it is not ready")
    assert "listener install" in daemon.events("not_ready")[0]["error"]
    listener(plain.url, "install")
    daemon.wait_ready("leading")


async def test_while_a_table_is_in_use_install_tries_again_and_holds_up_nobody(plain: Database) -> None:
    holder, app = [await asyncpg.connect(plain.url) for _ in range(2)]
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(SIGN_UP)
    timeouts = "canceling statement due to lock timeout"
    before = plain.server.log().count(timeouts)
    longest = 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, listener, plain.url, "install")
        with anyio.fail_after(30):
            while plain.server.log().count(timeouts) < before + 3:
                started = time.perf_counter()
                await app.execute(SIGN_UP)
                longest = max(longest, time.perf_counter() - started)
                await anyio.sleep(0.005)
        assert await app.fetchval("select to_regclass('listener.change')") is None
        await transaction.commit()
    assert longest < patience.LOCK_MILLISECONDS / 1000 + 0.4
    assert await app.fetchval("select count(*) from listener.installation") == 1
    await holder.close()
    await app.close()
