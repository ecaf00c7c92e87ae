"""Expressions over one row, in which a name or a string may hold anything."""

import pytest

from listener import row_text

ANYTHING = """'{row}."x"' = {row}."a""{row}.b" and {row}."c" is null and "{row}" = {row}.d"""


def test_what_stands_between_quotes_is_no_row() -> None:
    assert row_text.columns_of(ANYTHING) == ['"a""{row}.b"', '"c"', "d"]
    assert (
        row_text.over(ANYTHING, "new") == """'{row}."x"' = new."a""{row}.b" and new."c" is null and "{row}" = new.d"""
    )
    assert row_text.without_row(ANYTHING) == """'{row}."x"' = "a""{row}.b" and "c" is null and "{row}" = d"""


@pytest.mark.parametrize(
    ("expression", "has"), [("{row}.a", True), ("now()", False), ("'{row}'", False), ('"{row}.a"', False)]
)
def test_whether_a_row_is_read(expression: str, has: bool) -> None:
    assert row_text.has_row(expression) is has
