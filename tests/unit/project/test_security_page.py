"""docs/security.md: each kind of attacker has a line, with what they can do and what they cannot."""

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_kind_of_attacker_has_what_they_can_do_and_cannot_beside_each_other() -> None:
    table = [line for line in PAGE.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]
    assert len(rows) > 12
    for row in rows:
        assert len(row) == 4, row[0]
        assert row[2], row[0]
        assert row[3], row[0]
