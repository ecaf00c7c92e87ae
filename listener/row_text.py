"""Expressions over a row, written `{row}`: `{row}."role" = 'student'`.

Quoted names and strings may hold any text, even `{row}`: they are left alone.
"""

import re
from collections.abc import Callable

IDENTIFIER = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
STRING = r"'(?:[^']|'')*'"
ROW = "{row}"

PARTS = re.compile(rf"""(?P<quoted>{STRING}|"(?:[^"]|"")*")|\{{row\}}(?:\.(?P<column>{IDENTIFIER}))?""")


def columns_of(expression: str) -> list[str]:
    """Columns in an expression, as SQL writes names, in order."""
    return [match["column"] for match in PARTS.finditer(expression) if match["column"] is not None]


def over(expression: str, row: str) -> str:
    """Over the row of that name."""
    return _replaced(expression, lambda column: row if column is None else f"{row}.{column}")


def without_row(expression: str) -> str:
    """Over bare columns."""
    return _replaced(expression, lambda column: ROW if column is None else column)


def has_row(expression: str) -> bool:
    return any(match["quoted"] is None for match in PARTS.finditer(expression))


def _replaced(expression: str, becomes: Callable[[str | None], str]) -> str:
    return PARTS.sub(lambda match: match[0] if match["quoted"] is not None else becomes(match["column"]), expression)


def unquoted(name: str) -> str:
    """The name as in the catalogue."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
