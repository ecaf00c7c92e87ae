"""Which versions of Postgres a run of the tests takes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import at_hand
from tests.support.project import ROOT

SEVERAL = "tests/integration/reactions/test_counting.py"
ONE = "tests/integration/feed/test_purge.py"


def run(version: str | None, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest as somebody does who asks for a version, or for none, with servers fetched into a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_POSTGRES"))}
    asked = {} if version is None else {"TEST_POSTGRES": version}
    where = {} if folder is None else {"TEST_POSTGRES_DIR": str(folder)}
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=clean | asked | where, check=False, capture_output=True, text=True, timeout=60
    )


def fetch(folder: Path, version: int) -> None:
    """Something that looks like a server which was fetched."""
    programs = folder / str(version) / "bin"
    programs.mkdir(parents=True)
    (programs / "initdb").touch()


@pytest.mark.parametrize("asked", [None, pytest.param("13", marks=pytest.mark.long)])
def test_tests_that_ask_for_several_versions_have_those_at_hand_or_the_one_asked_for(
    asked: str | None, tmp_path: Path
) -> None:
    """What was fetched for other runs multiplies nothing."""
    fetch(tmp_path, 13)
    fetch(tmp_path, 14)
    done = run(asked, "--collect-only", SEVERAL, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    taken = {int(version) for version in re.findall(r"\[postgres(\d+)", done.stdout)}
    assert taken == (set(at_hand()) if asked is None else {int(asked)})


def test_a_version_that_is_not_here_is_skipped_with_the_reason() -> None:
    done = run("9", "-rs", SEVERAL, ONE)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d+ skipped in ", done.stdout, re.MULTILINE), done.stdout
    assert "no Postgres 9 here; `.ci/postgres` fetches some versions" in done.stdout


def test_a_version_that_is_no_number_is_told_in_one_line() -> None:
    done = run("16.2", ONE)
    assert done.returncode != 0
    assert done.stderr.splitlines() == ["TEST_POSTGRES must be a major version, such as 16, and is '16.2'"]
    assert done.stdout == ""


def test_only_known_builds_are_fetched(tmp_path: Path) -> None:
    surroundings = os.environ | {"TEST_POSTGRES_DIR": str(tmp_path)}
    command = [str(ROOT / ".ci" / "postgres"), "9"]
    done = subprocess.run(command, env=surroundings, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["no build of Postgres 9 is known here, but of these: 13 14 17"]
    assert list(tmp_path.iterdir()) == []


def test_what_ci_runs_on_older_versions_is_there() -> None:
    """A file of another name would have it run nothing."""
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    listed = " ".join(script.partition(f"\n{array}=(")[2].partition(")\n")[0] for array in ("reactions", "commands"))
    paths = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {listed}"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(paths) > 3
    assert [path for path in paths if not (ROOT / path).exists()] == []
