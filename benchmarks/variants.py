"""What is compared: ways to enroll whoever signs up and to count them, each in a database of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import install_script
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

SQL = Path(__file__).parent / "sql"

SIGN_UP = "insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One');"
SIGN_UP_AND_ENROLL = """
with signed_up as (
    insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One') returning id
)
insert into enrollments (user_id, course_id) select id, '00000000-0000-0000-0000-000000000001' from signed_up;
"""


@dataclass(frozen=True)
class Variant:
    """One way to do it."""

    name: str
    label: str
    script: str | None = None
    installed: bool = False
    daemon: str | None = None
    sign_up: str = SIGN_UP

    def create(self, server: Server) -> None:
        """Make its database."""
        server.psql("postgres", f"create database {self.name}")
        server.psql(self.name, (SQL / "lms.sql").read_text())
        if self.script is not None:
            server.psql(self.name, (SQL / f"{self.script}.sql").read_text())
        if self.installed:
            server.psql(self.name, install_script(server.url(self.name)))

    @contextmanager
    def working(self, server: Server) -> Iterator[None]:
        """While its daemon, if it has one, works."""
        url = server.url(self.name)
        if self.daemon == "listener":
            process = DaemonProcess(url)
            try:
                process.wait_ready("leading")
                yield
            finally:
                process.clean_up()
        elif self.daemon is not None:
            arguments = [sys.executable, "-m", "benchmarks.bare_listener", url, *self.daemon.split()[1:]]
            with subprocess.Popen(arguments, stdout=subprocess.PIPE) as bare:
                assert bare.stdout is not None
                bare.stdout.readline()
                try:
                    yield
                finally:
                    bare.kill()
        else:
            yield


NONE = Variant("plain", "no triggers")
LEAST = Variant("least", "sign-up and enrollment in one transaction, no count", sign_up=SIGN_UP_AND_ENROLL)
INCREMENT = Variant("increment", "synchronous triggers, count + 1", script="synchronous_increment")
RECOUNT = Variant("recount", "synchronous triggers, recount", script="synchronous_recount")
STOPPED = Variant("stopped", "ours, daemon stopped", installed=True)
LIVE = Variant("live", "ours, daemon live", installed=True, daemon="listener")
BARE = Variant("bare", "bare listener, one INSERT a NOTIFY", script="notify_rows", daemon="bare")
NAIVE = Variant("naive", "naive JSON listener", script="notify_rows", daemon="bare --count")

ALL = (NONE, LEAST, INCREMENT, RECOUNT, STOPPED, LIVE, BARE, NAIVE)
