"""The commands in the docs are run, in the order of each page, and answer what the page says; what is not run says why.
Links lead somewhere."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support import hand_off
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, environment
from tests.support.project import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BY_SECTION = [ROOT / "docs" / "how-to" / "rules.md"]
"""Pages whose sections each begin with a database of their own."""
ELSEWHERE = [ROOT / "docs" / "how-to" / f"{page}.md" for page in ("fleet", "no-process", "shards", "supabase")]
"""Pages whose commands need more than a database: tests of their own run them."""
SECTION = re.compile(r"^(?=## )", re.MULTILINE)
BLOCK = re.compile(
    r"^( *)```(bash|sql)\n(.*?)^\1```$(?:\n(?:(?! *```|#)[^\n]*\n)*^\1```text\n(.*?)^\1```$)?", re.MULTILINE | re.DOTALL
)
"""What is run, and what is said to be the answer, at once or after some words. It is given as a whole after SQL, and by
some lines after a command."""
DAEMON = "listener run &"
"""What is done by a daemon is waited for, whenever an answer is given."""
BORDERS = str.maketrans("│┃", "  ")
NOT_RUN = ("# not run by the tests: ", "-- not run by the tests: ")
SET_UP = "python3 -m venv .venv && "
"""Begins the commands that install the project itself: CI runs one of them, the demo's tests run what follows it."""
EXAMPLE = "-- example: "
"""Begins a file, and says its name: it is made where the page's commands are run."""


def blocks(text: str) -> list[tuple[str, str, str]]:
    """(language, text, answer) of what a page, or a part of it, would have its reader run."""
    found = [(language, block.strip(), answer) for _, language, block, answer in BLOCK.findall(text)]
    return [each for each in found if not each[1].startswith((*NOT_RUN, SET_UP))]


def parts() -> dict[str, str]:
    """The texts whose commands are run one after the other, by their names."""
    found = {}
    for page in PAGES:
        if page in ELSEWHERE:
            continue
        text = page.read_text(encoding="utf-8")
        for number, part in enumerate(SECTION.split(text) if page in BY_SECTION else [text]):
            if blocks(part):
                found[f"{page.stem}-{number}" if page in BY_SECTION else page.stem] = part
    return found


@pytest.mark.parametrize("part", parts())
@pytest.mark.half
def test_commands_of_a_page_work_one_after_the_other(
    part: str, make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess], tmp_path: Path
) -> None:
    if part == hand_off.PAGE.stem and not hand_off.is_installed():
        pytest.skip(hand_off.NOT_INSTALLED)
    database = make_database(installed=False)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, text, answer in blocks(parts()[part]):
        if text.startswith(EXAMPLE):
            name, _, content = text.removeprefix(EXAMPLE).partition("\n")
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
            continue
        if language == "sql":
            shown = psql(database, text)
            if answer:
                wait_until(partial(answers, database, text, answer), f"{answer}, as a moment ago\n{shown}", 60)
            continue
        if text == DAEMON:
            start_daemon(database, heartbeat_seconds=0.5, audit_seconds=0.5).wait_ready("leading")
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=environment(database.url) | {"PATH": path, "COLUMNS": "200"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        assert set(plain(answer)) <= set(plain(done.stdout)), f"{text}\n{done.stdout}"


def answers(database: Database, text: str, answer: str) -> bool:
    """Whether psql shows just that."""
    return plain(psql(database, text)) == plain(answer)


def psql(database: Database, text: str) -> str:
    """What psql shows to people."""
    shown = database.server.run(
        "psql", database.url, "-Xq", "-v", "ON_ERROR_STOP=1", "-P", "footer=off", "-c", text, check=False
    )
    assert shown.returncode == 0, f"{text}\n{shown.stderr}"
    return shown.stdout


def plain(text: str) -> list[str]:
    """The lines of what a program printed, without borders, and with single spaces."""
    lines = (" ".join(line.translate(BORDERS).split()) for line in text.splitlines())
    return [line for line in lines if line]


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
