"""Tests look at the sessions and locks of their own database.

One server has the databases of many tests: of one that has just ended, and of what a test itself started elsewhere.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import ROOT

LOOKS = re.compile(r"\b(from|join)\s+(pg_stat_activity|pg_locks)\b")
ITS_OWN = re.compile(r"datname|LOCKED_HERE|(?<!_)\bpid (=|in)|backend_type = '(walwriter|autovacuum worker)'")
OF_EVERYBODY = {
    "tests/integration/schema/attackers/test_attacker.py": "an attacker takes each lock of the server",
}


def texts(path: Path) -> Iterator[str]:
    """Each string of a file, the parts of an f-string as one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in ast.walk(node)}
    yield from (ast.unparse(node) for node in formatted)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


@pytest.mark.parametrize("room", ["chaos", "integration", "support", "unit"])
def test_each_look_at_sessions_and_locks_says_of_which_database(room: str) -> None:
    broad = {
        str(path.relative_to(ROOT)): text
        for path in (ROOT / "tests" / room).rglob("*.py")
        for text in texts(path)
        if LOOKS.search(text) and not ITS_OWN.search(text)
    }
    assert {name: text for name, text in broad.items() if name not in OF_EVERYBODY} == {}
    assert set(broad) == {name for name in OF_EVERYBODY if name.startswith(f"tests/{room}/")}, "an exception is stale"
