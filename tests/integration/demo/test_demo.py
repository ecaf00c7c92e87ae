"""`listener demo` as a newcomer runs it: a process, with nothing set up and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from rich.console import Console

from listener import sql
from listener.demo.demo import _Demo
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.leftovers import leftovers
from tests.support.postgres import wait_until

COMMITS_ANYWAY = """
create function commit_anyway() returns trigger language plpgsql as $$
begin
    begin
        perform pg_sleep(0.5);
    exception when query_canceled then
        null;
    end;
    return new;
end $$;
create trigger commit_anyway before insert on profiles for each row execute function commit_anyway();
"""
"""A sign-up is on its way when the demo ends, and no cancel reaches it in time."""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The demo's folder for temporary files; short, for it will hold a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


def start(temporary: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the demo, with warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "listener", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=temporary,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(temporary), "COLUMNS": "80"} | environment,
    )


def read_until(demo: subprocess.Popen[str], text: str) -> str:
    """What it prints up to the line that holds `text`."""
    assert demo.stdout is not None
    seen = ""
    for line in demo.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"the demo ended before it printed {text!r}:\n{seen}")


def test_demo_mends_the_lms_then_follows_live_sign_ups_and_who_leaves(temporary: Path) -> None:
    demo = start(temporary, "--seconds", "3", "--rate", "20")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, output
    lines = re.findall(r"^([a-z ]+): (\d+) before, (\d+) after$", output, re.MULTILINE)
    numbers = {name: (int(before), int(after)) for name, before, after in lines}
    assert "enrolled 6;" in output  # `sync` says what it did; the daemon starts when nothing is left of the past
    assert numbers == {
        "profiles": (8, 8),
        "students": (7, 7),
        "gold plans": (2, 2),
        "enrollments missing": (6, 0),
        "enrollments not wanted": (0, 0),
        "active enrollments": (3, 9),
        "suspended enrollments": (0, 0),
        "count on the courses": (1587, 9),
    }
    assert re.search(r"http://127\.0\.0\.1:\d+/metrics", output)
    assert re.search(
        r"sign-ups \d+  active enrollments \d+  suspended \d+  count on the courses \d+  reaction p50 [\d.]+ ms",
        output,
    )
    conclusion = re.search(
        r"(\d+) sign-ups; 0 enrollments missing, 0 not wanted any more; "
        r"(\d+) active enrollments, and the courses say (\d+)\.",
        output,
    )
    assert conclusion, output
    signed_up, enrolled, counted = map(int, conclusion.groups())
    assert signed_up > 20
    assert enrolled == counted == 9 + signed_up + signed_up // 3 - signed_up // 6
    assert int(re.findall(r"suspended (\d+)", output)[-1]) > 0
    assert not leftovers(temporary)


async def test_a_sign_up_that_the_server_commits_though_the_demo_ends_is_counted(
    make_database: Callable[..., Database],
) -> None:
    connection = await connect(make_database(empty=True).url)
    try:
        await connection.execute(f"{sql.read('demo/lms')}; {COMMITS_ANYWAY}")
        before = await connection.fetchval("select count(*) from profiles")
        showing = _Demo(Console(quiet=True), 1000)
        with anyio.move_on_after(0.2):
            await showing._sign_up(connection)
        assert await connection.fetchval("select count(*) from profiles") == before + showing.signed_up > before
    finally:
        connection.terminate()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)], ids=lambda number: number.name
)
def test_signal_stops_the_demo_clean(temporary: Path, number: signal.Signals) -> None:
    demo = start(temporary)
    read_until(demo, "sign-ups ")
    assert leftovers(temporary)
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 0, output
    assert "Traceback" not in output
    assert not leftovers(temporary)


def test_a_daemon_that_dies_is_told_and_is_a_failure(temporary: Path) -> None:
    demo = start(temporary)
    read_until(demo, "sign-ups ")
    (daemon,) = subprocess.run(
        ["pgrep", "-P", str(demo.pid), "-f", "listener run"], check=True, capture_output=True, text=True
    ).stdout.split()
    os.kill(int(daemon), signal.SIGKILL)
    output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 2, output
    assert "the demo's `listener run` failed with exit status -9" in output
    assert not leftovers(temporary)


@pytest.mark.long
def test_two_that_begin_at_the_same_moment_each_have_a_port_of_their_own(
    temporary: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    demos = [start(temporary), start(tmp_path_factory.mktemp("other"))]
    ports = {re.findall(r"--http-port (\d+)", read_until(demo, "sign-ups "))[0] for demo in demos}
    for demo in demos:
        demo.terminate()
        output, _ = demo.communicate(timeout=30)
        assert demo.returncode == 0, output
    assert len(ports) == 2


def test_impatient_ctrl_c_while_postgres_starts_leaves_nothing(temporary: Path) -> None:
    demo = start(temporary)
    wait_until(lambda: any(temporary.glob("*/data/PG_VERSION")), "the data folder is being made")

    def all_is_gone() -> bool:
        if not any(temporary.iterdir()):
            return True
        os.killpg(demo.pid, signal.SIGINT)  # as the terminal does: everyone in the group gets it
        return False

    wait_until(all_is_gone, "the temporary folder is gone")
    output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 0, output
    assert "Traceback" not in output
    assert not leftovers(temporary)


@pytest.mark.long
def test_surroundings_do_not_lead_the_demo_astray(temporary: Path) -> None:
    astray = {
        "LISTENER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "LISTENER_BATCH_SIZE": "none",
        "PGHOST": "127.0.0.1",
        "PGPORT": "1",
        "LC_ALL": "xx_XX.UTF-8",
    }
    demo = start(temporary, "--seconds", "1", **astray)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, output
    assert not leftovers(temporary)
