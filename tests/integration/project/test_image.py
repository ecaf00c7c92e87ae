"""What the Dockerfile says, as far as it can be shown without a container engine."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

from tests.conftest import Database
from tests.support.postgres import free_port
from tests.support.process import DaemonProcess, environment
from tests.support.project import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def healthy(url: str, port: int) -> bool:
    """Whether the image's health check is content."""
    command = re.search(r"^HEALTHCHECK [^\n]*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert command is not None
    program, *arguments = json.loads(command[1])
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(url, http_port=port), capture_output=True, check=False
    )
    return done.returncode == 0


def test_health_check_is_content_while_the_daemon_lives(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database).wait_ready()
    assert healthy(database.url, daemon.port)
    daemon.kill()
    assert not healthy(database.url, daemon.port)


def test_health_check_fails_when_nobody_listens() -> None:
    assert not healthy("postgresql://127.0.0.1:1/none", free_port())


def test_image_runs_as_nobody_special_and_stops_on_sigterm() -> None:
    lines = DOCKERFILE.splitlines()
    assert [line for line in lines if line.startswith(("USER ", "ENTRYPOINT ", "CMD ", "STOPSIGNAL "))] == [
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        'ENTRYPOINT ["listener"]',
        'CMD ["run"]',
    ]


def test_everything_the_dockerfile_copies_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
