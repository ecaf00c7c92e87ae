"""Somebody whose trigger, rows or names end up in errors: what is kept and logged is short, on one line, and inert."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import Server, two_versions, wait_until
from tests.support.process import DaemonProcess, listener

both = pytest.mark.parametrize("postgres_version", two_versions())

RAISES = r"""
create function refuse() returns trigger language plpgsql as $$
begin
    raise exception using
        message = E'unpaid \x07\x1b]0;owned\x07\x1b[2J\n{"event": "stopped"}\r\u0085\u202egnp.exe\u200b\u2028'
            || repeat('long ', 1000000),
        detail = 'Failing row contains (secret of ' || (select email from profiles where id = new.user_id) || ')',
        hint = repeat('secret hint ', 100000);
end $$;
create trigger refuse before insert on enrollments for each row execute function refuse();
"""
COUNT_RAISES = r"""
create function refuse_count() returns trigger language plpgsql as $$
begin
    raise exception E'refused \x1b[2J\n\u202e%', repeat('long ', 1000000)
        using detail = 'secret detail', errcode = 'check_violation';
end $$;
create trigger refuse_count before update on courses for each row execute function refuse_count();
"""
MOST = 1_000


def is_inert(text: str) -> bool:
    """Whether it is on one line, with nothing in it that a terminal or an eye would act on."""
    return not [each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def all_texts(value: Any) -> list[str]:
    """Every text in a log line."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in all_texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in all_texts(each)]
    return [value] if isinstance(value, str) else []


def assert_log_is_fit(daemon: DaemonProcess) -> None:
    """No line of the log is long, nothing in it is from a row, nothing steers a terminal."""
    for line in daemon.text().splitlines():
        assert len(line) < 3 * MOST, line[:200]
        for text in all_texts(json.loads(line)):
            assert len(text.encode()) <= MOST
            assert is_inert(text), repr(text)
    assert "secret" not in daemon.text()


def peak(daemon: DaemonProcess) -> int:
    """The most memory that it has used, in MiB."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


@both
async def test_attacker_whose_trigger_raises_megabytes_fills_neither_log_nor_memory_nor_terminal(
    database: Database, connection: Connection
) -> None:
    await connection.execute("insert into courses (title, price) values ('course', 0)")
    await connection.execute(RAISES)
    daemon = DaemonProcess(database.url, {"sample_seconds": 0.2})
    try:
        daemon.wait_ready("leading")
        for number in range(1, 21):
            await connection.execute("insert into profiles (role, email) values ('student', 'secret@example.com')")
            await eventually(connection, "select count(*) from listener.pending_enrollment", equals=number)
        await connection.execute("update listener.pending_enrollment set next_attempt_at = clock_timestamp()")
        await eventually(connection, "select min(attempts) > 1 from listener.pending_enrollment", equals=True)
        refused = "select count(*) > 0 from listener.pending_enrollment where error like 'P0001: unpaid%'"
        await eventually(connection, refused, equals=True)
        for row in await connection.fetch("select error from listener.pending_enrollment"):
            assert row["error"].startswith(("P0001: unpaid", "put off: "))
            assert len(row["error"].encode()) <= MOST
            assert is_inert(row["error"])
        daemon.told("student_pending")
        assert_log_is_fit(daemon)
        assert peak(daemon) < 200, "well below the limit of the manifest, 256 MiB"
        status = daemon.get("/readyz")[1] + daemon.get("/")[1] + daemon.get("/state.json")[1]
        assert "unpaid" not in status
    finally:
        daemon.clean_up()
    for command in (("pending",), ("status", "--full"), ("diagnose",), ("sync",)):
        done = listener(database.url, *command, check=False)
        assert done.stderr == ""
        assert all(is_inert(line) and len(line) < 3 * MOST for line in done.stdout.splitlines()), done.stdout[:500]
        assert "secret" not in done.stdout


@both
async def test_attacker_whose_trigger_refuses_counts_has_one_short_line_kept(
    database: Database, connection: Connection
) -> None:
    course = await connection.fetchval("insert into courses (title, price) values ('course', 0) returning id")
    await connection.execute(COUNT_RAISES)
    daemon = DaemonProcess(database.url)
    try:
        daemon.wait_ready("leading")
        await connection.execute("insert into profiles (role) values ('student')")
        await eventually(connection, "select error like '23514: refused%' from listener.pending_count", equals=True)
        error = await connection.fetchval("select error from listener.pending_count where course_id = $1", course)
        assert len(error.encode()) <= MOST
        assert is_inert(error)
        daemon.told("reaction_failed")
        assert_log_is_fit(daemon)
    finally:
        daemon.clean_up()


@both
async def test_attacker_whose_trigger_raises_megabytes_in_a_step_is_told_in_one_line(connection: Connection) -> None:
    await connection.execute("insert into courses (title, price) values ('course', 0)")
    await connection.execute(RAISES)
    await connection.execute(COUNT_RAISES)
    await connection.execute(
        "insert into profiles (role, email) select 'student', 'secret@example.com' from generate_series(1, 3)"
    )
    for _ in range(3):
        problem = await connection.fetchval("select problem from listener.step()")
        assert problem is None or (len(problem.encode()) <= 3 * MOST and is_inert(problem))
    for row in await connection.fetch("select error from listener.pending_enrollment"):
        assert len(row["error"].encode()) <= MOST


@both
async def test_attacker_who_renames_a_column_steers_no_terminal(database: Database, connection: Connection) -> None:
    daemon = DaemonProcess(database.url, {"log_format": "console", "heartbeat_seconds": 0.5})
    try:
        wait_until(lambda: "leader_acquired" in daemon.text(), "it leads")
        await connection.execute('alter table profiles rename column role to "\x1b[2J\x07\u202eelor"')
        wait_until(lambda: "mapping_followed" in daemon.text(), "it has followed")
        await connection.execute(
            'alter table courses rename to "\x1b]0;owned\x07"; alter table profiles drop "\x1b[2J\x07\u202eelor"'
        )
        wait_until(lambda: "mapping_broken" in daemon.text(), "it has told")
        for line in daemon.text().splitlines():
            assert is_inert(line), repr(line)
        assert all(is_inert(text) for text in all_texts(json.loads(daemon.get("/readyz")[1])))
    finally:
        daemon.clean_up()
    for command in (("status",), ("diagnose",), ("sync",), ("explain", "17"), ("install",)):
        done = listener(database.url, *command, check=False)
        for line in (done.stdout + done.stderr).splitlines():
            assert is_inert(line), repr(line)
        assert "Traceback" not in done.stderr


@both
async def test_attacker_who_pauses_with_a_reason_fills_no_log(database: Database, connection: Connection) -> None:
    daemon = DaemonProcess(database.url, {"heartbeat_seconds": 0.5})
    try:
        daemon.wait_ready("leading")
        reason = "\x1b[2J\n" + "long " * 20_000
        listener(database.url, "pause", "enroll", "--reason", reason)
        await connection.execute(
            "insert into listener.pause (consumer, reason) values ('count', repeat(E'\\x1b[2J\n', 1000000))"
        )
        daemon.told("paused")
        wait_until(lambda: len(daemon.events("paused")) == 2, "both are told")
        assert_log_is_fit(daemon)
        kept = await connection.fetchval("select reason from listener.pause where consumer = 'enroll'")
        assert len(kept.encode()) <= MOST
        assert is_inert(kept)
        for command in (("status",), ("diagnose",), ("resume", "count"), ("resume", "enroll")):
            done = listener(database.url, *command, check=False)
            assert all(is_inert(line) and len(line) < 3 * MOST for line in done.stdout.splitlines())
    finally:
        daemon.clean_up()


MESSAGES = (
    "short", "", "a\nb\r\nc\td", "\x01\x1b[31m\x7f", "\u0085\u009b31m", "\u202ea\u2066b\u200bc\ufeffd", "ä" * 2000,
    "€" * 2000, "\U0001f600" * 2000, "a" * 999 + "€" * 10, "x" * 5_000_000, "\U000e0041tag", "%s {0} \\x1b '\"$$",
)  # fmt: skip


@both
@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_attackers_error_is_kept_in_a_kilobyte_whatever_it_is(connection: Connection, conforming: str) -> None:
    await connection.execute(f"set standard_conforming_strings = {conforming}; set escape_string_warning = off")
    for message in MESSAGES:
        kept = await connection.fetchval("select listener.error_text('P0001', $1)", message)
        assert kept.startswith("P0001:")
        assert len(kept.encode()) <= MOST, message[:20]
        assert len(kept.encode()) > MOST // 3 or len(message) < MOST
        assert is_inert(kept), repr(kept)
    assert (
        await connection.fetchval("select listener.error_text(null, 'plain words, \"quoted\"')")
        == 'plain words, "quoted"'
    )


@both
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
async def test_attackers_error_can_be_read_in_any_encoding(server: Server, database: Database, encoding: str) -> None:
    name = f"attacked_{encoding.lower()}"
    server.psql("postgres", f"drop database if exists {name}")
    server.psql(
        "postgres",
        f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'",
    )
    definition = server.psql(
        database.name, "select pg_get_functiondef('listener.error_text(text, text)'::regprocedure)"
    )
    connection = await asyncpg.connect(database.url.replace(database.name, name))
    try:
        await connection.execute("create schema listener")
        await connection.execute(definition)
        bytes_ = {
            "LATIN1": "'é'", "EUC_JP": "'あ'", "SQL_ASCII": r"convert_from('\xc3a9e282acff1b', 'SQL_ASCII')"
        }[encoding]  # fmt: skip
        kept = await connection.fetchval(f"select listener.error_text('P0001', repeat({bytes_} || E'\\x1b\\n', 2000))")
        assert kept.startswith("P0001:")
        assert len(kept.encode()) <= 2 * MOST
        assert is_inert(kept)
    finally:
        await connection.close()
        server.psql("postgres", f"drop database {name}")


async def test_attacker_who_breaks_the_schema_has_commands_end_in_one_line(
    database: Database, connection: Connection
) -> None:
    await connection.execute('alter table listener.pending_enrollment rename to "\x1b[2Jgone"')
    await connection.execute("alter table listener.pause rename to paused_no_more")
    for command in (("status",), ("pending",), ("diagnose",), ("sync",), ("explain", "17"), ("pause", "enroll")):
        done = listener(database.url, *command, check=False)
        assert done.returncode != 0, command
        assert "Traceback" not in done.stderr, command
        assert len((done.stdout + done.stderr).splitlines()) <= 3, command
        assert all(is_inert(line) for line in (done.stdout + done.stderr).splitlines())
