"""What is compared: ways to enroll those who sign up and to count them, each in a database of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workers import Worker, WorkerProcess
from tests.conftest import install_script
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

SQL = Path(__file__).parent / "sql"

SIGN_UP = "insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One');"
SIGN_UP_AND_ENROLL = """
with signed_up as (
    insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One') returning id
)
insert into enrollments (user_id, course_id) select id, {course} from signed_up;
"""
SIGN_UP_AND_ENROLL_NOW = f"""
begin;
{SIGN_UP.removesuffix(";")} returning id \\gset
select listener.enroll_now(:id);
end;
"""
WRITTEN_IN = "'00000000-0000-0000-0000-000000000001'"
LOOKED_UP = "(select id from courses where published order by price, created_at limit 1)"
"""The rule that ours finds in this LMS, as an application would write it."""

CLEAR = (
    "truncate profiles, enrollments",
    "update courses set enrollments = 0, students = 0",
    "vacuum analyze courses",
)
NEW_CHECKPOINTS = """
insert into listener.checkpoint (consumer, seq, handled)
select consumer, max(seq) + 1, pg_current_snapshot() from listener.checkpoint group by consumer
"""
CLEAR_FEED = ("truncate listener.change", NEW_CHECKPOINTS)


@dataclass(frozen=True)
class Variant:
    """One way to do it."""

    name: str
    label: str
    script: str | None = None
    installed: bool = False
    command: tuple[str, ...] = ()
    """What runs its worker; the database's address comes next."""
    arguments: tuple[str, ...] = ()
    """What follows the address."""
    sign_up: str = SIGN_UP
    enrolls: bool = True
    """Whether those who sign up are enrolled at all."""
    counts: bool = True
    """Whether it keeps the courses' counts."""
    settings: tuple[tuple[str, str], ...] = ()
    """What ours is installed with, or a queue set to."""
    core: bool = False
    """Whether it is measured in every round; others are in every third."""

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        return None

    def create(self, server: Server) -> None:
        """Make its database."""
        server.psql("postgres", f"create database {self.name}")
        server.psql(self.name, (SQL / "lms.sql").read_text())
        if self.script is not None:
            server.psql(self.name, (SQL / f"{self.script}.sql").read_text())
        if self.installed:
            server.psql(self.name, install_script(server.url(self.name), dict(self.settings)))

    def clear(self, server: Server) -> None:
        """Empty its tables."""
        for statement in (*CLEAR, *(CLEAR_FEED if self.installed else ())):
            server.psql(self.name, statement)

    def start(self, server: Server) -> Worker | None:
        """Its worker, working, if it has one."""
        if not self.command:
            return None
        return WorkerProcess([*self.command, server.url(self.name), *self.arguments])

    @contextmanager
    def working(self, server: Server) -> Iterator[Worker | None]:
        """While its worker, if it has one, works."""
        worker = self.start(server)
        try:
            yield worker
        finally:
            if worker is not None:
                worker.clean_up()


class Live(Variant):
    """Ours, with the daemon."""

    def start(self, server: Server) -> Worker | None:
        """The daemon, leading."""
        process = DaemonProcess(server.url(self.name))
        try:
            return process.wait_ready("leading")
        except BaseException:
            process.clean_up()
            raise


LISTENER = (sys.executable, "-m", "listener", "run")
BARE_LISTENER = (sys.executable, "-m", "benchmarks.bare_listener")

NONE = Variant("plain", "no triggers", enrolls=False, counts=False, core=True)
LEAST = Variant(
    "least",
    "enrolled at sign-up, course written in, no count",
    sign_up=SIGN_UP_AND_ENROLL.format(course=WRITTEN_IN),
    counts=False,
    core=True,
)
LEAST_LOOKED_UP = Variant(
    "least_looked_up",
    "enrolled at sign-up, course looked up, no count",
    sign_up=SIGN_UP_AND_ENROLL.format(course=LOOKED_UP),
    counts=False,
    core=True,
)
INCREMENT = Variant("increment", "synchronous triggers, count + 1", script="synchronous_increment")
RECOUNT = Variant("recount", "synchronous triggers, recount", script="synchronous_recount")
STOPPED = Variant("stopped", "ours, daemon stopped", installed=True, enrolls=False, counts=False, core=True)
LIVE = Live("live", "ours, daemon live", installed=True, command=LISTENER, core=True)
NOW = Live(
    "now",
    "ours, enroll_now in the sign-up's transaction, daemon live",
    installed=True,
    command=LISTENER,
    sign_up=SIGN_UP_AND_ENROLL_NOW,
)
BARE = Variant("bare", "bare listener, one INSERT a NOTIFY", script="notify_rows", command=BARE_LISTENER, counts=False)
NAIVE = Variant("naive", "naive JSON listener", script="notify_rows", command=BARE_LISTENER, arguments=("--count",))

ALL = (NONE, LEAST, LEAST_LOOKED_UP, INCREMENT, RECOUNT, STOPPED, LIVE, NOW, BARE, NAIVE)
