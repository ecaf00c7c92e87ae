"""A table of the LMS, and expressions over a row."""

import re
from dataclasses import dataclass

from listener.row_text import without_row
from listener.sql import identifier

PLAIN = re.compile(r"\w+")
PLAIN_COLUMN = re.compile(r'\{row\}\."([a-z_][a-z0-9_]*)"')


@dataclass(frozen=True)
class Table:
    """A table of the LMS, by catalogue names."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def label(self) -> str:
        """The name for people."""
        return f"{self.schema}.{self.name}"

    @property
    def setting(self) -> str:
        """The name for a setting, quoted if necessary."""
        return self.label if PLAIN.fullmatch(self.schema) and PLAIN.fullmatch(self.name) else str(self)


def column(name: str) -> str:
    """The expression for a row's column."""
    return f"{{row}}.{identifier(name)}"


def readable(expression: str) -> str:
    """An expression for people: without the row, and with few quotes."""
    return without_row(PLAIN_COLUMN.sub(r"\1", expression))
