"""The tests may be started as a background job: programs under test are born as in a terminal all the same."""

import subprocess
import sys

from tests.support.project import ROOT

IGNORED = "[line.split()[1] for line in open('/proc/self/status') if line.startswith('SigIgn')][0]"
TERMINAL = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14  # SIGHUP, SIGINT, SIGQUIT, SIGTERM


def ignored_by_a_child(heed: str) -> int:
    """Of a program that ignores a terminal's signals: which ones a program that it starts ignores, as a bit mask."""
    child = f"print({IGNORED})"
    parent = (
        f"import subprocess, sys; from tests.support.process import heed_signals; {heed};"
        f" subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    job = subprocess.run(
        ["sh", "-c", 'trap "" HUP INT QUIT TERM; exec "$0" -c "$1"', sys.executable, parent],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(job.stdout, 16) & TERMINAL


def test_programs_started_from_a_background_job_heed_signals() -> None:
    assert ignored_by_a_child("pass") == TERMINAL
    assert ignored_by_a_child("heed_signals()") == 0
