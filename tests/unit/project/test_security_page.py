"""docs/security.md names tests: each of them exists."""

import re

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)\(", sources))
    assert len(named) > 10
    assert named - defined == set()


def test_every_kind_of_attacker_has_what_they_can_do_and_cannot_beside_each_other() -> None:
    table = [line for line in PAGE.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]
    assert len(rows) > 12
    for row in rows:
        assert len(row) == 4, row[0]
        assert row[2], row[0]
        assert row[3], row[0]
