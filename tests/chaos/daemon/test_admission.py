"""A server lets the daemon in no more as it did: a password is another one, or TLS is required. Where the URL is in a
file, a new one does, and the daemon need not be restarted."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.certificates import make_certificate, needs_openssl
from tests.support.eventually import eventually
from tests.support.odd_times import (
    BACK_SECONDS,
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
from tests.support.postgres import Server, knows_tls, ordinary_user
from tests.support.process import DaemonProcess, listener

FOR_OTHERS = (
    "channel_binding=prefer&keepalives=1&keepalives_idle=30&gssencmode=prefer&load_balance_hosts=random"
    "&sslnegotiation=postgres&pgbouncer=true&schema=public&connection_limit=1&connect_timeout=5&conn_max_age=600"
)
"""What libpq, Prisma, Django and Neon write into a URL."""

FIRST, SECOND = "first-secret", "second-secret"
HOST = "host all enroller 127.0.0.1/32 scram-sha-256"


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


@dataclass(frozen=True)
class Enroller:
    """A role with a password, and the file that its daemon reads."""

    school: Database
    app: Connection
    file: Path
    daemon: DaemonProcess

    def url(self, password: str, mode: str) -> str:
        return url_of(self.school, password, mode)

    async def works(self, students: int) -> None:
        """One more signs up, and all of them are enrolled."""
        await self.app.execute(SIGN_UP, 1)
        await eventually(self.app, ENROLLED, equals=students)

    async def is_kept_out(self, url: str, words: str) -> None:
        """Its session is ended, and this URL does not bring another one: port, log and commands say why."""
        await self.app.execute(END_SESSIONS)
        await says(self.daemon, "the server refused the connection")
        await anyio.to_thread.run_sync(each_ends_in_a_line, url, words)
        await logs(self.daemon, words)

    async def is_let_in(self, url: str) -> None:
        """Once that is in the file."""
        self.file.write_text(url)
        assert await seconds_until_ready(self.daemon) < BACK_SECONDS
        assert len(self.daemon.events("connection_lost")) == 1


def url_of(school: Database, password: str, mode: str) -> str:
    return school.server.url(school.name, user="enroller", password=password) + f"?sslmode={mode}&{FOR_OTHERS}"


@pytest.fixture
async def enroller(school: Database, app: Connection, start_daemon: Start, tmp_path: Path) -> AsyncIterator[Enroller]:
    await app.execute(f"drop role if exists enroller; create role enroller login password '{FIRST}'")
    listener(school.url, "install", "--grant-to", "enroller")
    file = tmp_path / "url"
    file.write_text(url_of(school, FIRST, "disable"))
    with admits(school.server, HOST):
        daemon = start_daemon(school, database_url_file=file, **QUICK)
        await seconds_until_ready(daemon)
    yield Enroller(school, app, file, daemon)
    assert len(daemon.events("parameters_ignored")) == 1
    assert FIRST not in daemon.text()
    assert SECOND not in daemon.text()
    await app.execute("drop owned by enroller; drop role enroller")


async def test_a_new_password_needs_no_restart_where_the_url_is_in_a_file(enroller: Enroller) -> None:
    with admits(enroller.school.server, HOST):
        await enroller.app.execute(f"alter role enroller password '{SECOND}'")
        await enroller.works(1)
        await enroller.is_kept_out(enroller.url(FIRST, "disable"), "password authentication failed")
        await enroller.is_let_in(enroller.url(SECOND, "disable"))
        await enroller.works(2)


@needs_openssl
async def test_tls_that_is_required_from_now_on_needs_no_restart_where_the_url_is_in_a_file(
    enroller: Enroller,
) -> None:
    if not knows_tls(enroller.school.server.version):
        pytest.skip("no server here was built with TLS")
    rules = "hostssl all enroller all scram-sha-256", "hostnossl all enroller all reject"
    with admits(enroller.school.server, *rules, tls=True):
        await enroller.works(1)
        await enroller.is_kept_out(enroller.url(FIRST, "disable"), "no encryption")
        await enroller.is_let_in(enroller.url(FIRST, "require"))
        await enroller.works(2)
