"""What the how-tos for fleets and shards would have their readers run: with databases in place of their addresses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.integration.project.test_docs import blocks, plain
from tests.support.fleet import COURSE, QUICK, SIGN_UP, FleetProcess, wait_exact
from tests.support.process import environment
from tests.support.project import ROOT

HOW_TOS = ROOT / "docs" / "how-to"
SAFE = "?sslmode=verify-full&sslrootcert=system"
PLACES = {
    "fleet": {name: f"postgresql://listener@{name}.example.com/lms{SAFE}" for name in ("north", "south")},
    "shards": {
        f"academy-{number}": f"postgresql://listener@shard{number}.example.com/lms{SAFE}" for number in range(3)
    },
}


@pytest.mark.parametrize("page", PLACES)
def test_a_page_leads_to_schools_that_are_served(
    page: str, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    text = (HOW_TOS / f"{page}.md").read_text(encoding="utf-8")
    schools = {name: make_database(installed=False) for name in PLACES[page]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = environment("") | {"PATH": path}
    del surroundings["LISTENER_DATABASE_URL"]
    if page == "shards":
        urls = " ".join(school.url for school in schools.values())
        text = text.replace("for number in 0 1 2; do", f"number=-1\nfor url in {urls}; do number=$((number + 1))")
        text = text.replace(f"postgresql://listener@shard$number.example.com/lms{SAFE}", "$url")
    for name, place in PLACES[page].items():
        text = text.replace(place, schools[name].url)
    for language, block, answer in blocks(text):
        assert language == "bash"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env=surroundings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        assert set(plain(answer)) <= set(plain(done.stdout)), f"{block}\n{done.stdout}"
    (folder,) = (each for each in tmp_path.iterdir() if each.is_dir())
    assert folder.stat().st_mode & 0o777 == 0o700
    fleet = FleetProcess(settings=dict(QUICK), folder=folder, cold=False)
    try:
        for name, school in schools.items():
            school.server.psql(school.name, f"{COURSE}; {SIGN_UP};")
            fleet.wait_for_role(name, "leading")
            wait_exact(school, 1)
    finally:
        fleet.clean_up()
