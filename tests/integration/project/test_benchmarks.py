"""The benchmarks run, look at their outcomes, and keep what others have measured."""

import json
import subprocess
import sys
from pathlib import Path

import anyio

from benchmarks import delay, measure, network, school
from tests.conftest import Database
from tests.support.project import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_some_can_be_run_and_the_others_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    kept = {"quick": False, "seconds": 1, "figures": [], "problems": [], "notes": [], "machine": {}, "rounds": {}}
    file.write_text(json.dumps({"lines": {"idle": kept}}))
    done = run("--quick", "--only", "bulk", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = json.loads(file.read_text())["lines"]
    assert list(lines) == ["bulk", "idle"]
    assert lines["idle"] == kept
    assert lines["bulk"]["quick"] is True
    assert lines["bulk"]["figures"][0]["measured"]["median"] > 0
    assert lines["bulk"]["machine"]["flushes_per_second"] > 0
    assert "≤ 1.15" in done.stdout


def test_a_name_that_is_none_is_refused_with_the_names_there_are() -> None:
    done = run("--only", "drainig")
    assert done.returncode == 2
    assert "no benchmark is called drainig" in done.stderr
    assert "draining" in done.stderr


def test_a_delayed_line_takes_its_time_both_ways(database: Database) -> None:
    with delay.delayed(database.server.port, 0.01) as port:
        url = database.url.replace(f":{database.server.port}/", f":{port}/")
        assert min(anyio.run(network.round_trips, url, 5)) >= 20


def test_students_that_are_not_enrolled_and_counts_that_are_off_are_problems(database: Database) -> None:
    server, name = database.server, database.name
    assert school.problems(server, name, "here") == []
    server.psql(name, "insert into profiles (role) values ('student'); insert into courses (title) values ('a')")
    assert school.problems(server, name, "here") == ["here: 1 students not enrolled once"]
    server.psql(
        name, "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
    )
    assert school.problems(server, name, "here") == ["here: 1 wrong counts"]


def test_a_foreign_transaction_stays_open_as_long_as_it_is_measured(database: Database) -> None:
    server, name = database.server, database.name
    opened = (
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
    )
    with measure.open_transaction(server, name, "begin", "select pg_current_xact_id()"):
        assert server.psql(name, opened).strip() == "1"
    assert server.psql(name, opened).strip() == "0"
