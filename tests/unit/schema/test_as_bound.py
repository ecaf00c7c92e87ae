"""`listener.as_bound` says that it is immutable: Postgres asks it while it plans a statement, not when it runs."""

import re

from listener import sql

PIECES = sorted((sql.folder() / "schema" / "adapter").glob("*.sql"))
CALL = re.compile(r"\{\{\w+_as_bound\}\}")
FIRST_PART = re.compile(r"with as_bound as materialized \(\s*select\s+[^()]*? as holds\s*\)")
ASKED = "(select as_bound.holds from as_bound)"


def test_it_is_asked_in_the_first_part_of_a_statement_and_nowhere_else() -> None:
    """The first part is planned before the others, in which a stranger's function may stand. Called by itself, it would
    be asked once in a session."""
    found = 0
    for piece in PIECES:
        text = piece.read_text()
        first_parts = FIRST_PART.findall(text)
        assert sum(map(len, map(CALL.findall, first_parts))) == len(CALL.findall(text)), piece.name
        assert text.count("as_bound as") == len(first_parts), piece.name
        found += len(first_parts)
    assert found > 5


def test_what_it_says_is_read_since_a_part_that_nobody_reads_is_not_planned() -> None:
    for piece in PIECES:
        text = piece.read_text()
        assert text.count(ASKED) == len(FIRST_PART.findall(text)), piece.name
