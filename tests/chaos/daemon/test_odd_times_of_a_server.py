"""The server still runs, and is of no use for a while: no connection is left, a password is another one, TLS is
required, the disk is full, it is a standby, its clock is set. Each passes, and the daemon need not be restarted."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import moved_clock
from tests.support.certificates import make_certificate, needs_openssl
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.moved_clock import Clock
from tests.support.postgres import Server, asked_for, at_hand, binaries, ordinary_user, wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse

Start = Callable[..., DaemonProcess]

CONNECTIONS = 12
MEGABYTES = 64
STUDENTS = 3000

BACK_SECONDS = 5.0
"""Longest pause of a daemon that had worked, and a second."""

ENROLLED = "select count(*) from enrollments"
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1)"
SESSIONS = "select pid from pg_stat_activity where application_name = 'listener' and datname = current_database()"
COMMANDS = ("status", "diagnose", "install")

QUICK: dict[str, object] = {"heartbeat_seconds": 0.5, "sample_seconds": 0.3}


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock | None]:
    """Of the server; None where nothing can be compiled."""
    folder = Path(tempfile.mkdtemp(prefix="listener-clock-"))
    folder.chmod(0o755)
    yield Clock(folder) if moved_clock.COMPILER is not None else None
    shutil.rmtree(folder)


def knows_tls(version: int) -> bool:
    """Whether this version here was built with it."""
    return b"libssl" in (binaries()[version] / "postgres").read_bytes()


@pytest.fixture(scope="module")
def own(postgres_version: int, clock: Clock | None) -> Iterator[Server]:
    """A server that may be treated badly, of a version that knows TLS if there is one."""
    settings = {"max_connections": str(CONNECTIONS)}
    versions = at_hand() if asked_for() is None else [postgres_version]
    version = max(filter(knows_tls, versions), default=postgres_version)
    server = Server(version, settings=settings, environment={} if clock is None else clock.environment)
    server.create()
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def school(own: Server, templates: Callable[[Server, str, bool], str]) -> Iterator[Database]:
    """The plain LMS with one course."""
    own.copy(templates(own, "uuid", True), "school")
    own.psql("school", "insert into courses (title, price) values ('a', 1)")
    yield Database(own, "school")
    own.psql("postgres", "drop database school with (force)")


@pytest.fixture
async def app(school: Database) -> AsyncIterator[Connection]:
    connection = await connect(school.url)
    yield connection
    connection.terminate()


async def seconds_until_ready(daemon: DaemonProcess, role: str = "leading") -> float:
    started = time.monotonic()
    await anyio.to_thread.run_sync(daemon.wait_ready, role)
    return time.monotonic() - started


async def says(daemon: DaemonProcess, path: str, words: str) -> None:
    def holds() -> bool:
        return words in daemon.get(path)[1]

    what = f"{path} says {words!r}; the log:\n{daemon.text()}"
    await anyio.to_thread.run_sync(lambda: wait_until(holds, what, 30.0))


async def logs(daemon: DaemonProcess, words: str) -> None:
    """Once it does."""
    what = f"the log says {words!r}"
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: words in daemon.text(), what))


def each_ends_in_a_line(url: str, words: str) -> None:
    """Each command, with exit status 2."""
    for command in COMMANDS:
        done = listener(url, command, check=False)
        assert done.returncode == 2, (command, done.stdout, done.stderr)
        (line,) = done.stderr.splitlines()
        assert words in line, (command, line)


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
    while daemon.role is not None:  # it may be first at the place that it left
        await app.execute(f"select pg_terminate_backend(pid) from ({SESSIONS}) as found")
        await take_all()
    await anyio.to_thread.run_sync(each_ends_in_a_line, school.url, "too many clients")
    await says(daemon, "/readyz", "TooManyConnectionsError")
    await logs(daemon, "too many clients")
    await app.execute(SIGN_UP, 1)
    for each in taken:
        each.terminate()
    assert await seconds_until_ready(daemon) < BACK_SECONDS
    await eventually(app, ENROLLED, equals=2)
    assert len(daemon.events("connection_lost")) == 1


@contextmanager
def admits(server: Server, *rules: str, tls: bool = False) -> Iterator[None]:
    """These rules before all others."""
    file = server.data / "pg_hba.conf"
    before = file.read_text()
    file.write_text("\n".join([*rules, before]))
    if tls:
        files = server.data / "server.crt", server.data / "server.key"
        make_certificate(*files)
        for each in files:
            each.chmod(0o600)
            shutil.chown(each, ordinary_user() or os.geteuid())
    server.psql("postgres", f"alter system set ssl = {'on' if tls else 'off'}")
    server.psql("postgres", "select pg_reload_conf()")
    yield
    file.write_text(before)
    server.psql("postgres", "alter system reset ssl")
    server.psql("postgres", "select pg_reload_conf()")


@needs_openssl
async def test_a_new_password_and_tls_that_is_required_need_no_restart_where_the_url_is_in_a_file(
    school: Database, app: Connection, start_daemon: Start, tmp_path: Path
) -> None:
    first, second = "first-secret", "second-secret"
    await app.execute(f"create role enroller login password '{first}'")
    listener(school.url, "install", "--grant-to", "enroller")
    file = tmp_path / "url"

    def url(password: str, mode: str) -> str:
        return school.server.url("school", user="enroller", password=password) + f"?sslmode={mode}"

    async def end_session() -> None:
        await app.execute(f"select pg_terminate_backend(pid) from ({SESSIONS}) as found")

    async def works(students: int) -> None:
        await app.execute(SIGN_UP, 1)
        await eventually(app, ENROLLED, equals=students)

    with admits(school.server, "host all enroller 127.0.0.1/32 scram-sha-256"):
        file.write_text(url(first, "disable"))
        daemon = start_daemon(school, database_url_file=file, **QUICK)
        await seconds_until_ready(daemon)
        await app.execute(f"alter role enroller password '{second}'")
        await works(1)
        await end_session()
        await says(daemon, "/readyz", "InvalidPasswordError")
        await anyio.to_thread.run_sync(each_ends_in_a_line, url(first, "disable"), "password authentication failed")
        await logs(daemon, "password authentication failed")
        file.write_text(url(second, "disable"))
        assert await seconds_until_ready(daemon) < BACK_SECONDS
        await works(2)

    if not knows_tls(school.server.version):
        return
    with admits(school.server, "hostssl all enroller all scram-sha-256", "hostnossl all enroller all reject", tls=True):
        await works(3)
        await end_session()
        await says(daemon, "/readyz", "the server refused the connection")
        await anyio.to_thread.run_sync(each_ends_in_a_line, url(second, "disable"), "no encryption")
        await logs(daemon, "no encryption")
        file.write_text(url(second, "require"))
        assert await seconds_until_ready(daemon) < BACK_SECONDS
        await works(4)
    assert len(daemon.events("connection_lost")) == 2
    assert first not in daemon.text()
    assert second not in daemon.text()


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
def on_small_disk(own: Server, small_disk: Path, templates: Callable[[Server, str, bool], str]) -> Iterator[Database]:
    """The plain LMS with one course, all of it on that disk."""
    template = templates(own, "uuid", True)
    own.psql("postgres", f"create tablespace small location '{small_disk}'")
    own.psql("postgres", f"create database crowded template {template} tablespace small")
    own.psql("crowded", "insert into courses (title, price) values ('a', 1)")
    yield Database(own, "crowded")
    own.psql("postgres", "drop database crowded with (force)")
    own.psql("postgres", "drop tablespace small")


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
        await says(daemon, "/readyz", "reaction_blocked")
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
        await says(daemon, "/readyz", "no host takes writes: it is a standby")
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


HOURS = 2 * 3600


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
