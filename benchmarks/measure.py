"""Measured figures: taken in turn (A B A B …), compared pair by pair."""

import math
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server

ENOUGH_ROUNDS = 5
"""From how many rounds on their quartiles say how certain the median is."""
NOTCH = 1.57
"""Two medians differ, with some 95 % certainty, if they lie further apart than this many interquartile ranges ÷ √rounds
of the one and of the other together: the notches of a box plot (McGill, Tukey and Larsen, 1978)."""


@dataclass(frozen=True)
class Spread:
    """What the rounds of a measurement said."""

    median: float
    least: float
    most: float
    rounds: int | None = None
    """How many there were, if that is known."""
    noise: float | None = None
    """By how much the median may be off, either way; None if the rounds were too few to say."""

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"

    @property
    def likely(self) -> tuple[float, float]:
        """Where the median lies, the noise considered; with too few rounds to tell, from the least to the most."""
        if self.noise is None:
            return self.least, self.most
        return self.median - self.noise, self.median + self.noise


def spread(values: Sequence[float]) -> Spread:
    """The median of the rounds, and how far they lie apart."""
    noise = None
    if len(values) >= ENOUGH_ROUNDS:
        low, _, high = statistics.quantiles(values, n=4)  # so few rounds rather look noisier than they are
        noise = NOTCH * (high - low) / math.sqrt(len(values))
    return Spread(statistics.median(values), min(values), max(values), len(values), noise)


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """`above / below`, each round with its own."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """The least of `values` that `share` of them do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """The figures of each measure, taken in turn."""
    figures: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, taken in zip(measures, figures, strict=True):
            taken.append(measure())
    return figures


def pgbench(
    server: Server,
    database: str,
    script: str,
    *,
    seconds: int,
    clients: int = 16,
    rate: float | None = None,
    seed: int = 1,
) -> float:
    """Transactions a second of a script, by `clients` at once; at `rate` a second, at random moments, if it is given.

    The same `seed` gives the same moments. Raises RuntimeError if a transaction failed.
    """
    throttle = () if rate is None else ("-R", str(rate), f"--random-seed={seed}")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        Path(file.name).chmod(0o644)
        done = subprocess.run(
            [
                *(str(server.program("pgbench")), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"),
                *("-T", str(seconds), *throttle, "-f", file.name, server.url(database)),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


def timed(server: Server, database: str, statement: str) -> float:
    """Seconds that one statement takes, as psql sees it."""
    printed = server.psql(database, f"\\timing on\n{statement};\n")
    return float(re.findall(r"^Time: ([0-9.]+) ms", printed, re.MULTILINE)[-1]) / 1000


@contextmanager
def open_transaction(server: Server, database: str, *statements: str) -> Iterator[None]:
    """While a foreign transaction that began with `statements` stays open; it is rolled back in the end."""
    with subprocess.Popen(
        [str(server.program("psql")), server.url(database), "-XqAt", "-v", "ON_ERROR_STOP=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("; ".join([*statements, "select 'it is open'"]) + ";\n")
        session.stdin.flush()
        for line in session.stdout:
            if line.strip() == "it is open":
                break
        else:
            raise RuntimeError("the foreign transaction did not open")
        yield
        if session.poll() is not None:
            raise RuntimeError("the foreign transaction did not stay open")
        session.stdin.close()


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> bool:
    """Look twice a second, so as not to disturb; False (and a line that says so) if it is not so after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            print(f"not within {seconds:g} s: {what}")
            return False
        time.sleep(0.5)
    return True


def start_server(settings: dict[str, str], version: int = 18) -> Server:
    """A server of its own with durable commits; `commit_delay = 1000` makes a flush feel like a cloud disk's."""
    server = Server(
        version,
        folder=Path(tempfile.mkdtemp(prefix="listener-pg-")),  # on the disk, whose flushes are part of what is measured
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


@contextmanager
def running_server(**settings: str) -> Iterator[Server]:
    """A server of a measurement's own, gone when it is over."""
    server = start_server(settings)
    try:
        yield server
    finally:
        server.destroy()


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
