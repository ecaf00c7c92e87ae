"""An error at the start has the form of the log."""

import json
import subprocess
import sys

import pytest

from tests.support.process import environment


def refused(*flags: str, **settings: object) -> str:
    """What a daemon says that cannot start."""
    done = subprocess.run(
        [sys.executable, "-m", "listener", "run", *flags],
        env=environment("postgresql://127.0.0.1:1/none", **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    ("flags", "settings"),
    [((), {"log_format": "json"}), (("--log-format", "json"), {"log_format": "console"}), ((), {})],
)
def test_where_the_log_is_json_the_error_is_a_line_of_it(flags: tuple[str, ...], settings: dict[str, str]) -> None:
    line = json.loads(refused(*flags, batch_size="many", **settings))
    assert (line["event"], line["level"], line["exit_status"]) == ("start_failed", "error", 2)
    assert line["error"].startswith("LISTENER_BATCH_SIZE: ")


def test_for_a_person_it_is_a_plain_line() -> None:
    assert refused(log_format="console", batch_size="many").startswith("listener: LISTENER_BATCH_SIZE: ")
