"""`listener status`: who leads, what is left to do, who waits; without asking a daemon, and without reading it all."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from listener.database.connection import Connection
from listener.database.locks import LEADER_LOCK, LOCK_CLASS
from listener.inspection import status
from listener.instruments.sample import COUNTED
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.postgres import free_port, wait_until
from tests.support.process import DaemonProcess, environment, listener

StartDaemon = Callable[..., DaemonProcess]


def as_json(database: Database, *arguments: str) -> tuple[int, dict[str, Any]]:
    """(exit status, what it says)."""
    done = listener(database.url, "status", "--json", *arguments, check=False)
    return done.returncode, json.loads(done.stdout)


async def test_healthy_is_0_and_names_leader_and_standby(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    start_daemon(database).wait_ready("leading")
    start_daemon(database).wait_ready("standing_by")
    await connection.execute("insert into profiles (role) values ('student'), ('student')")
    wait_until(lambda: as_json(database)[1]["pending_students"] == 2, "two students wait for a course")
    code, seen = as_json(database)
    assert (code, seen["healthy"], seen["problem"]) == (0, True, None)
    assert seen["standbys"] == 1
    assert seen["leader_pid"] is not None
    assert seen["squatter_pid"] is None
    assert seen["pending_by_reason"] == {"no_course": 2}
    assert (seen["backlog"], seen["lag_seconds"], seen["statistics"]) == (0, None, None)
    human = listener(database.url, "status")
    assert f"pid {seen['leader_pid']}" in human.stdout
    assert "2 (2 no course)" in human.stdout
    await connection.execute("insert into courses (title, price, enrollments) values ('a', 1, 0)")
    wait_until(lambda: as_json(database)[1]["pending_students"] == 0, "they are enrolled")


async def test_a_daemon_that_polls_is_told_from_a_leader_also_while_it_holds_the_lock(database: Database) -> None:
    poller: Connection = await connect(database.url, server_settings={"application_name": "listener"})
    is_over = asyncio.Event()

    async def poll() -> None:
        while not is_over.is_set():
            async with poller.transaction():
                await poller.execute(f"select pg_advisory_xact_lock({LOCK_CLASS}, {LEADER_LOCK})")
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.005)

    polling = asyncio.create_task(poll())
    try:
        for _ in range(5):
            code, seen = await asyncio.to_thread(as_json, database)
            found = (code, seen["leader_pid"], seen["polling"], seen["standbys"])
            assert found == (0, None, True, None), seen["problem"]
    finally:
        is_over.set()
        await polling
        await poller.close()


async def test_a_session_that_takes_the_lock_again_and_again_is_never_taken_for_a_leader(database: Database) -> None:
    """It is idle between its transactions, and locks and sessions are read one after the other."""
    is_over = threading.Event()

    async def poll() -> None:
        poller = await connect(database.url, server_settings={"application_name": "listener"})
        try:
            while not is_over.is_set():
                await poller.execute(f"select pg_advisory_xact_lock({LOCK_CLASS}, {LEADER_LOCK}), pg_sleep(0.0005)")
        finally:
            await poller.close()

    looker = await connect(database.url)
    polling = asyncio.create_task(asyncio.to_thread(asyncio.run, poll()))
    try:
        seen = [await status.who_holds_the_lock(looker) for _ in range(500)]
    finally:
        is_over.set()
        await polling
        await looker.close()
    assert any(look["leader_pid"] for look in seen), "the lock was seen to be held"
    assert not any(look["leader_is_idle"] for look in seen)


async def test_nobody_leads_is_1_and_says_what_to_do(connection: Connection, database: Database) -> None:
    code, seen = as_json(database)
    assert (code, seen["healthy"], seen["leader_pid"]) == (1, False, None)
    assert "listener run" in seen["problem"]
    await connection.execute("insert into profiles (role) values ('student')")
    assert as_json(database)[1]["backlog"] == 1
    assert "1 change," in listener(database.url, "status", check=False).stdout


async def test_a_lock_held_by_somebody_else_is_1_and_names_the_session(
    connection: Connection, database: Database
) -> None:
    await connection.execute("select pg_advisory_lock($1, $2)", LOCK_CLASS, LEADER_LOCK)
    code, seen = as_json(database)
    assert code == 1
    assert f"pid {connection.get_server_pid()}" in seen["problem"]


async def test_a_deputy_is_shown_to_lead_and_who_holds_the_leaders_lock(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    await connection.execute("select pg_advisory_lock($1, $2)", LOCK_CLASS, LEADER_LOCK)
    start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    code, seen = as_json(database)
    assert (code, [each["code"] for each in seen["problems"]], seen["standbys"]) == (1, ["locks_squatted"], 0)
    assert seen["leader_pid"] not in (None, connection.get_server_pid())
    assert seen["squatter_pid"] == connection.get_server_pid()
    human = " ".join(listener(database.url, "status", check=False).stdout.split())
    assert f"a deputy: session {connection.get_server_pid()}, which is no daemon, holds the leader's lock" in human


async def test_full_counts_students_and_courses_that_are_off(connection: Connection, database: Database) -> None:
    await connection.execute("insert into profiles (role) values ('student'), ('student'), ('teacher')")
    await connection.execute("insert into courses (title, price) values ('a', 1)")
    await connection.execute("update courses set enrollments = 7")
    seen = as_json(database, "--full")[1]
    assert seen["statistics"] == {
        "students": 2,
        "students_without_enrollment": 2,
        "wanted_missing": 0,
        "courses_off": 1,
    }
    assert "courses off" in listener(database.url, "status", "--full", check=False).stdout


def test_unreachable_and_not_installed_are_2_in_one_line(make_database: Callable[..., Database]) -> None:
    bare = make_database(installed=False)
    nowhere = f"postgresql://me:hush-hush@127.0.0.1:{free_port()}/lms"
    for url, word in ((nowhere, "cannot reach"), (bare.url, "listener install")):
        for flags in ([], ["--json"], ["--full"]):
            done = listener(url, "status", *flags, check=False)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.count("\n") == 1
            assert word in done.stderr
            assert "hush" not in done.stderr


async def test_without_rights_it_says_so(connection: Connection, database: Database) -> None:
    role = f"nobody_{database.name}"
    await connection.execute(f"create role {role} login")
    try:
        done = listener(database.server.url(database.name, user=role), "status", check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert role in done.stderr or "permission denied" in done.stderr
    finally:
        await connection.execute(f"drop role {role}")


def watching(url: str) -> "subprocess.Popen[str]":
    """`listener status --watch`, ten times a second."""
    return subprocess.Popen(
        [sys.executable, "-m", "listener", "status", "--watch", "--every", "0.1", "--json"],
        env=environment(url),
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_watching_goes_on_until_ctrl_c_also_while_the_database_is_away(
    connection: Connection, database: Database
) -> None:
    process = watching(database.url)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["healthy"] is False
        await connection.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'listener-command' and datname = current_database()"
        )
        problems = [json.loads(process.stdout.readline())["problem"] for _ in range(4)]
        assert "no daemon leads" in problems[-1]
        assert any("cannot reach" in problem for problem in problems)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def test_its_cost_does_not_grow_with_the_feed_or_the_tables(connection: Connection, database: Database) -> None:
    await connection.execute(
        "insert into listener.change (source, operation, profile_ids)"
        "select 'profiles', 'insert', '{}' from generate_series(1, 100000)"
    )
    await connection.execute(
        "insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)"
        "select gen_random_uuid(), 'no_course', 'infinity' from generate_series(1, 30000)"
    )
    reader: Connection = await connect(database.url)
    try:
        await reader.execute("set statement_timeout = '1s'")
        seen = await status.look(reader, database.url)
    finally:
        await reader.close()
    assert seen.backlog_is_estimated
    assert seen.pending_students == COUNTED
    assert 90_000 < seen.backlog < 110_000
