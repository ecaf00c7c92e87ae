"""Those who sign up: pgbench, as a process of its own."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server


@dataclass(frozen=True)
class Load:
    """How many sign up for how long; at most `rate` a second between them, else as fast as they can."""

    seconds: int
    clients: int = 16
    rate: int | None = None


@dataclass(frozen=True)
class Written:
    """What the writers met: transactions a second that committed, and how many did not."""

    per_second: float
    failed: int


class Writers:
    """Clients that run a script until their time is up, started when this is made."""

    def __init__(self, server: Server, database: str, script: str, load: Load) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".sql", delete=False) as file:
            file.write(script)
        self._script = Path(file.name)
        limited = [] if load.rate is None else ["--rate", str(load.rate)]
        self._process = subprocess.Popen(
            [
                *(str(server.program("pgbench")), "-n", "-M", "prepared", "-c", str(load.clients)),
                *("-j", "2", "-T", str(load.seconds), *limited, "-f", file.name, server.url(database)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> Written:
        """Wait for them to stop. A client that had to give up counts as one more that failed."""
        told, complaints = self._process.communicate()
        self._script.unlink()
        rate = re.search(r"tps = ([0-9.]+)", told)
        failed = re.search(r"number of failed transactions: (\d+)", told)
        if rate is None:
            raise RuntimeError(told + complaints)
        aborted = len(re.findall(r"client \d+ aborted", complaints))
        return Written(float(rate[1]), aborted + (0 if failed is None else int(failed[1])))
