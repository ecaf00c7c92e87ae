"""The job queues that people would reach for, on the same work, each set up as its own docs advise (see `peers/`)."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.variants import SQL, Variant
from benchmarks.workers import PROJECT
from tests.support.postgres import Server

PEERS_FOLDER = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Queue(Variant):
    """A job queue: a job a sign-up, enqueued by a trigger in the writer's own transaction."""

    package: str = ""
    tables: str = ""
    again: str = ""
    """What becomes of the jobs that a killed worker had taken, by its docs and in this set-up."""

    def version(self) -> str:
        """Which release is installed. Raises PackageNotFoundError or OSError if none is."""
        if self.command[0] == sys.executable:
            return metadata.version(self.package)
        return str(json.loads((PEERS_FOLDER / "node_modules" / self.package / "package.json").read_text())["version"])

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        if shutil.which(self.command[0]) is None:
            return f"there is no {self.command[0]}"
        try:
            self.version()
        except (metadata.PackageNotFoundError, OSError):
            python = self.command[0] == sys.executable
            how = "pip install -e '.[benchmarks]'" if python else "npm ci --prefix benchmarks/peers"
            return f"{self.package} is not installed: {how}"
        return None

    def create(self, server: Server) -> None:
        """Make its database. Raises CalledProcessError if the queue will not install itself."""
        server.psql("postgres", f"create database {self.name}")
        server.psql(self.name, (SQL / "lms.sql").read_text())
        self.install(server)
        server.psql(self.name, (PEERS_FOLDER / f"{self.script}.sql").read_text())

    def install(self, server: Server) -> None:
        """Make what the queue needs in its database. Raises CalledProcessError if it cannot be made."""
        subprocess.run(
            [*self.command, server.url(self.name), "install"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=PROJECT,
        )

    def clear(self, server: Server) -> None:
        """Empty its tables."""
        super().clear(server)
        server.psql(self.name, f"truncate {self.tables}")


@dataclass(frozen=True)
class PgQue(Queue):
    """An append-only log whose events are taken in batches: an SQL file in a clone of its repository."""

    clone: Path = PEERS_FOLDER / "pgque"
    release: str = ""

    @property
    def installer(self) -> Path:
        """The file that makes its schema."""
        return self.clone / "sql" / "pgque.sql"

    def version(self) -> str:
        """Which release the file says it is. Raises OSError if there is none."""
        found = re.search(r"^-- Version: (\S+)$", self.installer.read_text(), re.MULTILINE)
        return found[1] if found else "unknown"

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        if self.installer.exists():
            return None
        return (
            f"{self.package} is not there: git clone --branch {self.release} --depth 1"
            f" https://github.com/NikolayS/pgque {self.clone.relative_to(PROJECT)}"
        )

    def install(self, server: Server) -> None:
        """Its schema, in one transaction."""
        server.psql(self.name, f"begin;\n{self.installer.read_text()}\ncommit;")

    def create(self, server: Server) -> None:
        """Make its database."""
        super().create(server)
        for name, value in self.settings:
            server.psql(self.name, f"select pgque.set_queue_config('sign_ups', '{name}', '{value}')")

    def clear(self, server: Server) -> None:
        """Empty its tables, and have the consumer begin at the end of what is left of the log."""
        super().clear(server)
        for statement in (*BEGIN_AT_THE_END, "vacuum pgque.tick, pgque.subscription"):
            server.psql(self.name, statement)


BEGIN_AT_THE_END = ("select pgque.unsubscribe('sign_ups', 'enroll')", "select pgque.subscribe('sign_ups', 'enroll')")


def _python(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.peers.{name}_worker")


def _node(name: str) -> tuple[str, ...]:
    return ("node", str(PEERS_FOLDER / f"{name}.js"))


PGQUEUER = Queue(
    "pgqueuer",
    "pgqueuer",
    script="pgqueuer",
    command=_python("pgqueuer"),
    package="pgqueuer",
    tables="pgqueuer, pgqueuer_log, pgqueuer_statistics",
    again="after 30 s without a heartbeat",
)
PROCRASTINATE = Queue(
    "procrastinate",
    "procrastinate",
    script="procrastinate",
    command=_python("procrastinate"),
    package="procrastinate",
    tables="procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers",
    again="by the periodic task of its docs, every 10 minutes",
)
GRAPHILE_WORKER = Queue(
    "graphile_worker",
    "graphile-worker",
    script="graphile_worker",
    command=_node("graphile_worker"),
    package="graphile-worker",
    tables="graphile_worker._private_jobs, graphile_worker._private_job_queues",
    again="after 4 hours",
)
PG_BOSS = Queue(
    "pg_boss",
    "pg-boss",
    script="pg_boss",
    command=_node("pg_boss"),
    package="pg-boss",
    tables="pgboss.job",
    again="after 15 minutes",
)
PGQUE = PgQue(
    "pgque",
    "PgQue",
    script="pgque",
    command=_python("pgque"),
    package="pgque",
    tables="pgque.event_1",
    again="by the next that asks",
    core=True,
    release="v0.2.0",
)

PEERS = (PGQUEUER, PROCRASTINATE, GRAPHILE_WORKER, PG_BOSS, PGQUE)
