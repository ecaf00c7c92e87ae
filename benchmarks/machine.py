"""What was measured on: without it, a figure says nothing."""

import datetime
import os
import platform
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.conftest import NEWEST
from tests.support.postgres import binaries

ROOT = Path(__file__).parents[1]
PAGE = 8192


def facts() -> dict[str, Any]:
    """Cores, memory, versions, how long a flush takes, and which commit was measured."""
    version = subprocess.run([binaries()[NEWEST] / "postgres", "--version"], check=True, capture_output=True, text=True)
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "processor": processor(),
        "system": f"{platform.system()} {platform.release()}",
        "postgres": version.stdout.strip().rpartition(" ")[2],
        "python": platform.python_version(),
        "flushes_per_second": round(flushes_per_second()),
        "load_before": round(os.getloadavg()[0], 2),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }


def flushes_per_second(seconds: float = 0.5) -> float:
    """How often a page can be made durable, where the servers keep their data."""
    with tempfile.TemporaryFile() as file:
        file.write(b"\0" * PAGE)
        started = time.monotonic()
        flushes = 0
        while (taken := time.monotonic() - started) < seconds:
            os.pwrite(file.fileno(), b"\1" * PAGE, 0)
            os.fdatasync(file.fileno())
            flushes += 1
    return flushes / taken


def processor() -> str:
    """Its name, if the system tells."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def commit() -> str | None:
    """The commit that is checked out, with a `+` if files differ from it; None outside of a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def resident_mib(pid: int, *, peak: bool = False) -> float:
    """Resident memory of a process, or the most it ever was, in MiB."""
    name = "VmHWM" if peak else "VmRSS"
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
