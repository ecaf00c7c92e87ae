"""The job queues that people would reach for, on the same work, each set up as its own docs advise (see `peers/`)."""

import json
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
        subprocess.run(
            [*self.command, server.url(self.name), "install"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=PROJECT,
        )
        server.psql(self.name, (PEERS_FOLDER / f"{self.script}.sql").read_text())

    def clear(self, server: Server) -> None:
        """Empty its tables."""
        super().clear(server)
        server.psql(self.name, f"truncate {self.tables}")


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

PEERS = (PGQUEUER, PROCRASTINATE, GRAPHILE_WORKER, PG_BOSS)
