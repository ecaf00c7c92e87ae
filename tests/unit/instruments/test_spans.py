"""Nothing of OpenTelemetry is imported unless its own variables name a collector; without the extra the log says so."""

import os
import subprocess
import sys

import pytest

from listener.instruments.spans import COLLECTORS

PROGRAM = """
import sys
{before}
from listener import cli
from listener.daemon import process
from listener.fleet import process
from listener.instruments.instruments import Instruments
from listener.instruments.spans import of_environment
from listener.logs import configure

log = configure("warning", "json")
instruments = Instruments.of_daemon(5.0, log, of_environment(log))
instruments.spans.record("look", 0.1, {{}}, consumer="enroll")
instruments.spans.close()
print(*(name for name in sys.modules if name.startswith("opentelemetry") and sys.modules[name] is not None))
"""
ABSENT = "sys.modules['opentelemetry'] = None"
COLLECTOR = "http://127.0.0.1:9"


def run(before: str = "", **asked: str) -> tuple[str, str]:
    """What of OpenTelemetry was imported, and the log."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        check=True,
        capture_output=True,
        text=True,
        env=clean | asked,
    )
    return done.stdout.strip(), done.stderr


def test_nothing_of_it_is_imported_unless_a_collector_is_named() -> None:
    assert run() == ("", "")
    assert run(OTEL_TRACES_EXPORTER="none", OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR) == ("", "")


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_collector_that_is_named_is_sent_to(name: str) -> None:
    assert "opentelemetry.sdk.trace" in run(**{name: COLLECTOR})[0].split()


def test_without_the_extra_the_log_says_what_to_install() -> None:
    imported, log = run(ABSENT, OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR)
    assert imported == ""
    assert '"event": "no_spans"' in log
    assert "pip install 'enrollment-listener[otel]'" in log
    assert len(log.splitlines()) == 1
