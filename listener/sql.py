"""The SQL files: where they are, and how the names in them are filled in.

A file may hold `{{name}}`, replaced as it stands, and `{{name:alias}}`, an expression over one row, where each
`{row}` becomes the alias: `{{student_key:new}}` becomes `new."id"`.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PLACEHOLDER = re.compile(r"\{\{(?P<name>\w+)(?::(?P<alias>\w+))?\}\}")


@cache
def folder() -> Path:
    """The folder of SQL files: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@cache
def read(name: str) -> str:
    """The text of one file, named from the folder: `feed/purge`."""
    return (folder() / f"{name}.sql").read_text(encoding="utf-8").strip()


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders filled in. Raises KeyError for a name that `values` lacks."""

    def fill(match: re.Match[str]) -> str:
        value = values[match["name"]]
        return value if match["alias"] is None else value.replace("{row}", match["alias"])

    return PLACEHOLDER.sub(fill, text)


def identifier(name: str) -> str:
    """`name` quoted as SQL writes an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str, tag: str) -> str:
    """`text`, which ends a line, quoted so that people can read it, whatever it says."""
    mark = next(mark for mark in (f"${tag}$", *(f"${tag}{number}$" for number in range(100))) if mark not in text)
    return f"{mark}{text}{mark}"


def literal(value: str) -> str:
    """`value` quoted as SQL writes a string, whatever `standard_conforming_strings` says."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted
