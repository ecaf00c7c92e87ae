"""The commands in the docs are run, in the order of each page; what is not run says why. Links lead somewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.process import environment
from tests.support.project import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(bash|sql)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
NOT_RUN = "# not run by the tests: "
SET_UP = "python3 -m venv .venv && "
"""Begins the commands that install the project itself: CI runs one of them, the demo's tests run what follows it."""
EXAMPLE = "-- example: "
"""Begins a file of the reaction that CONTRIBUTING adds: `test_adding_a_reaction.py` runs it."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of what a page would have its reader run."""
    found = [(language, text.strip()) for _, language, text in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [(language, text) for language, text in found if not text.startswith((NOT_RUN, SET_UP, EXAMPLE))]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_commands_of_a_page_work_one_after_the_other(
    page: Path, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    database = make_database(installed=False)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, text in blocks(page):
        if language == "sql":
            database.server.psql(database.name, text)
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=environment(database.url) | {"PATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


def anchors(page: Path) -> set[str]:
    """The names that a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_reachable_from_the_readme() -> None:
    assert "docs/README.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "README.md":
            assert f"({page.relative_to(ROOT / 'docs')})" in index
