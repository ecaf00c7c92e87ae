"""Somebody keeps a table to themselves: a command that looks says who, and does not hang."""

import signal
import subprocess
import sys
import time
from functools import partial

import anyio
import anyio.to_thread
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import environment, listener

LOOKS = (
    ["status"],
    ["status", "--full"],
    ["diagnose"],
    ["pending", "list"],
    ["explain", "00000000-0000-0000-0000-000000000000"],
    ["sync", "--dry-run"],
    ["install", "--plan"],
)

SECONDS = 30
"""For all of them at once, on a busy machine; some wait for 2 s several times."""

FIRST_TO_NOTICE = 14
"""The version that `client_connection_check_interval` came with. Before it, a session whose client is gone waits for
its lock until its own limit."""

WAITS = """
select count(*)
from pg_stat_activity
where datname = current_database() and application_name = 'listener-command' and wait_event_type = 'Lock'
"""


def start_looking(database: Database) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "listener", "status"],
        env=environment(database.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def test_a_look_at_locked_tables_names_the_session_and_ends(
    database: Database, connection: Connection, course: None
) -> None:
    holder: Connection = await connect(database.url)
    try:
        async with holder.transaction():
            await holder.execute("lock table listener.pending_enrollment, listener.checkpoint, profiles, enrollments")
            pid = await holder.fetchval("select pg_backend_pid()")
            async with anyio.create_task_group() as tasks:
                for look in LOOKS:
                    tasks.start_soon(_see_it_name, database, look, f"session {pid} (postgres: select pg_backend_pid()")
    finally:
        holder.terminate()


async def _see_it_name(database: Database, look: list[str], session: str) -> None:
    started = time.monotonic()
    done = await anyio.to_thread.run_sync(partial(listener, database.url, *look, check=False))
    assert time.monotonic() - started < SECONDS, look
    assert done.returncode == 2, (look, done)
    assert done.stderr.count("\n") == 1, (look, done.stderr)
    assert session in done.stderr, (look, done.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.half
async def test_a_look_that_is_ended_leaves_the_line_for_the_lock(
    database: Database, connection: Connection, number: signal.Signals
) -> None:
    holder: Connection = await connect(database.url)
    notices = database.server.version >= FIRST_TO_NOTICE or number is signal.SIGINT
    command = None
    try:
        async with holder.transaction():
            await holder.execute("lock table listener.pending_enrollment")
            command = start_looking(database)
            await eventually(connection, WAITS, equals=1, seconds=30)
            command.send_signal(number)
            await eventually(connection, WAITS, equals=0, seconds=2 if notices else SECONDS)
    finally:
        holder.terminate()
        if command is not None:
            command.kill()
            command.wait(20)
