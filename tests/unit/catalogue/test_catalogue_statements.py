"""Statements that ask the catalogue compare values of Postgres's own types by its own operators."""

import re

from tests.support.project import ROOT

IN_BRACKETS = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
COMPARED = re.compile(
    rf"(?:(?<!:)=|<>|\bin \()\s*(?:'[^']*'::reg\w+\b|to_reg\w+{IN_BRACKETS}|\$\d::text::reg\w+\b)(?!::)"
)


def test_no_number_is_compared_with_a_name_that_stands_for_one() -> None:
    """`oid = regclass` has no operator of its own: in a path that somebody may create in, one could be planted."""
    files = [*(ROOT / "sql").rglob("*.sql"), *(ROOT / "listener").rglob("*.py")]
    found = {path.name: COMPARED.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {name: each for name, each in found.items() if each} == {}
