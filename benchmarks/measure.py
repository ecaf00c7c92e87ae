"""Measured figures: taken in turn (A B A B …), compared pair by pair."""

import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server


@dataclass(frozen=True)
class Ratio:
    """The ratio of two figures, round by round."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """`above / below`, each round with its own."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """The figures of each measure, taken in turn."""
    figures: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, taken in zip(measures, figures, strict=True):
            taken.append(measure())
    return figures


def pgbench(server: Server, database: str, script: str, *, seconds: int, clients: int = 16) -> float:
    """Transactions a second of a script, by `clients` at once."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        Path(file.name).chmod(0o644)
        done = subprocess.run(
            [
                *(str(server.program("pgbench")), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"),
                *("-T", str(seconds), "-f", file.name, server.url(database)),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


def start_server(settings: dict[str, str], version: int = 18) -> Server:
    """A server of its own with durable commits; `commit_delay = 1000` makes a flush feel like a cloud disk's."""
    server = Server(
        version,
        settings={
            "fsync": "on",
            "shared_buffers": "512MB",
            "max_wal_size": "8GB",
            "checkpoint_timeout": "30min",
            "autovacuum": "off",
            **settings,
        },
    )
    server.create()
    server.start()
    return server
