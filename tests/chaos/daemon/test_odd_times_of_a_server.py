"""The server still runs, and is of no use for a while: no connection is left, the disk is full, it is a standby, its
clock is set. That passes, and the daemon need not be restarted."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.moved_clock import Clock
from tests.support.odd_times import (
    BACK_SECONDS,
    CONNECTIONS,
    END_SESSIONS,
    ENROLLED,
    QUICK,
    SIGN_UP,
    Start,
    each_ends_in_a_line,
    logs,
    says,
    seconds_until_ready,
)
from tests.support.postgres import Server, ordinary_user
from tests.support.process import listener
from tests.support.refusing import refuse

MEGABYTES = 64
STUDENTS = 3000
HOURS = 2 * 3600


async def test_while_no_connection_is_left_the_leader_works_on_and_comes_back_as_soon_as_there_is_one(
    school: Database, app: Connection, start_daemon: Start
) -> None:
    daemon = start_daemon(school, **QUICK).wait_ready("leading")
    taken: list[Connection] = []

    async def take_all() -> None:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                taken.append(await connect(school.url))

    await take_all()
    await app.execute(SIGN_UP, 1)
    await eventually(app, ENROLLED, equals=1)
    await app.execute(refuse())
    await app.execute(SIGN_UP, 1)
    refused = 'listener_pending_students{reason="failed"}'
    await anyio.to_thread.run_sync(daemon.shows, refused, 1.0)
    with anyio.fail_after(30):
        while "TooManyConnectionsError" not in daemon.get("/readyz")[1]:  # it may be first at the place that it left
            await app.execute(END_SESSIONS)
            await take_all()
            await anyio.sleep(0.05)
    await anyio.to_thread.run_sync(each_ends_in_a_line, school.url, "too many clients")
    await logs(daemon, "too many clients")
    assert daemon.metric(refused) == 1, "an alert's time would begin again"
    await app.execute("drop trigger refuse on enrollments; drop function refuse")
    await app.execute(SIGN_UP, 1)
    for each in taken:
        each.terminate()
    assert await seconds_until_ready(daemon) < BACK_SECONDS
    await eventually(app, ENROLLED, equals=3, seconds=20)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a disk of a few megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="listener-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("mounting a disk needs root")
    shutil.chown(folder, ordinary_user() or "root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@dataclass(frozen=True)
class Disk:
    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        with suppress(OSError), self.filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))


@pytest.fixture
def on_small_disk(
    mistreated: Server, small_disk: Path, templates: Callable[[Server, str, bool], str]
) -> Iterator[Database]:
    """The plain LMS with one course, all of it on that disk."""
    template = templates(mistreated, "uuid", True)
    mistreated.psql("postgres", f"create tablespace small location '{small_disk}'")
    mistreated.psql("postgres", f"create database crowded template {template} tablespace small")
    mistreated.psql("crowded", "insert into courses (title, price) values ('a', 1)")
    yield Database(mistreated, "crowded")
    mistreated.psql("postgres", "drop database crowded with (force)")
    mistreated.psql("postgres", "drop tablespace small")


async def test_while_the_disk_is_full_it_is_said_and_everybody_is_enrolled_once_there_is_room(
    on_small_disk: Database, small_disk: Path, start_daemon: Start
) -> None:
    url, disk = on_small_disk.url, Disk(small_disk)
    daemon = start_daemon(on_small_disk, **QUICK).wait_ready("leading")
    app = await connect(url)
    try:
        await anyio.to_thread.run_sync(lambda: listener(url, "pause", "enroll"))
        await app.execute(SIGN_UP, STUDENTS)
        disk.fill()
        await anyio.to_thread.run_sync(lambda: listener(url, "resume", "enroll"))
        with pytest.raises(asyncpg.DiskFullError):
            await app.execute(SIGN_UP, 100 * STUDENTS)
        await says(daemon, "reaction_blocked")
        status = listener(url, "status", check=False)
        assert (status.returncode, status.stderr) == (1, "")
        assert "No space left on device" in status.stdout
        assert daemon.role == "leading"
        disk.filler.unlink()
        freed_at = time.monotonic()
        await eventually(app, ENROLLED, equals=STUDENTS, seconds=40)
        print(f"{time.monotonic() - freed_at:.1f} s after there is room")
        await eventually(app, "select enrollments from courses", equals=STUDENTS, seconds=40)
        assert daemon.events("connection_lost") == []
    finally:
        app.terminate()


async def test_a_standby_is_no_server_to_work_on_until_it_is_promoted(
    school: Database, app: Connection, start_daemon: Start
) -> None:
    standby = school.server.create_replica()
    standby.settings |= {"max_connections": str(CONNECTIONS)}
    standby.start()
    try:
        there = Database(standby, "school")
        daemon = start_daemon(there, **QUICK)
        await says(daemon, "no host takes writes: it is a standby")
        await anyio.to_thread.run_sync(each_ends_in_a_line, there.url, "no host takes writes: it is a standby")
        await app.execute(SIGN_UP, 1)
        received = "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
        reader = await connect(there.url)
        await eventually(reader, received, await app.fetchval("select pg_current_wal_lsn()::text"), equals=True)
        await anyio.to_thread.run_sync(standby.promote)
        assert await seconds_until_ready(daemon) < BACK_SECONDS
        await eventually(reader, ENROLLED, equals=1)
        reader.terminate()
    finally:
        standby.destroy()


async def test_a_clock_that_is_set_while_students_wait_has_nobody_wait_for_it(
    school: Database, app: Connection, clock: Clock | None, start_daemon: Start
) -> None:
    if clock is None:
        pytest.skip("no compiler: the server's clock cannot be set")
    daemon = start_daemon(school, **QUICK).wait_ready("leading")
    standby = start_daemon(school, **QUICK).wait_ready("standing_by")
    machine = time.time()
    try:
        for number, by in enumerate((HOURS, 0, -HOURS, 0), 1):
            await app.execute(refuse())
            await app.execute(SIGN_UP, 2)
            await eventually(app, "select count(*) from listener.pending_enrollment", equals=2)
            clock.move(by)
            now = await app.fetchval("select extract(epoch from clock_timestamp())::float8")
            assert abs(now - machine - by) < HOURS / 2
            await app.execute("drop trigger refuse on enrollments; drop function refuse")
            await app.execute(SIGN_UP, 1)
            await eventually(app, ENROLLED, equals=3 * number, seconds=20)
            await eventually(app, "select enrollments from courses", equals=3 * number, seconds=20)
        assert (daemon.role, standby.role) == ("leading", "standing_by")
        for each in (daemon, standby):
            assert each.events("connection_lost") == each.events("heartbeat_missed") == []
    finally:
        clock.move(0)
