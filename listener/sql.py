"""The SQL files: where they are, and how the names in them are filled in.

A file is one statement, one script, or the queries of a module: sections that begin with `-- name: paused`, as aiosql
has them. (aiosql itself would be the larger thing here, with 1,600 lines. It takes each `:name` for a parameter, and
gives methods that run a query on a connection, where ours run behind a fence, or within a time limit.) psql runs each
statement by itself, once its names are filled in; `\\bind` gives it parameters.

A file may hold `{{name}}`, replaced as it stands, and `{{name:alias}}`, an expression over one row, where each
`{row}` becomes the alias: `{{student_key:new}}` becomes `new."id"`. A dollar tag around a value that holds it becomes
another one.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain, count
from pathlib import Path

from listener.row_text import over

SECTION = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
TAG_OR_PLACEHOLDER = re.compile(r"(?P<tag>\$[a-z_]*\$)|\{\{(?P<name>\w+)(?::\w+)?\}\}")
PLACEHOLDER = re.compile(r"\{\{(?P<name>\w+)(?::(?P<alias>\w+))?\}\}")


@cache
def folder() -> Path:
    """The folder of SQL files: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@cache
def read(name: str, section: str | None = None) -> str:
    """The text of one file, named from the folder: `feed/batch`; or of one section of a file."""
    if section is not None:
        return sections(name)[section]
    return (folder() / f"{name}.sql").read_text(encoding="utf-8").strip()


def migrations() -> list[str]:
    """Names of the files that make our tables, in order: each begins with its number."""
    return [f"schema/tables/{path.stem}" for path in sorted((folder() / "schema" / "tables").glob("*.sql"))]


@cache
def sections(name: str) -> dict[str, str]:
    """The sections of one file by name; none, if the file has no sections."""
    _, *parts = SECTION.split(read(name))
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def subquery(text: str) -> str:
    """A query without the `;` that ends it: for a place within another statement."""
    return text.removesuffix(";")


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders filled in. Raises KeyError for a name that `values` lacks."""

    def fill(match: re.Match[str]) -> str:
        value = values[match["name"]]
        return value if match["alias"] is None else over(value, match["alias"])

    return PLACEHOLDER.sub(fill, _with_other_tags(text, values))


def _with_other_tags(text: str, values: Mapping[str, str]) -> str:
    """`text` with other dollar tags around placeholders whose values hold the tag that is there: any name may."""
    open_tags: list[str] = []
    taken: dict[str, str] = {}
    for match in TAG_OR_PLACEHOLDER.finditer(text):
        tag = match["tag"]
        if tag in open_tags:
            del open_tags[open_tags.index(tag) :]
        elif tag is not None:
            open_tags.append(tag)
        else:
            for around in open_tags:
                if around in values[match["name"]]:
                    taken[around] = taken.get(around, "") + values[match["name"]]
    for tag, held in taken.items():
        names = (f"${tag[1:-1]}_{number}$" for number in count(1))
        other = next(name for name in names if name not in held and name not in text)
        text = text.replace(tag, other)
    return text


def identifier(name: str) -> str:
    """`name` quoted as SQL writes an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str, tag: str) -> str:
    """`text`, which ends a line, quoted so that people can read it, whatever it says."""
    marks = chain((f"${tag}$",), (f"${tag}{number}$" for number in count()))
    mark = next(mark for mark in marks if mark[:-1] not in text)  # nor may what it ends with be the end of one
    return f"{mark}{text}{mark}"


def literal(value: str) -> str:
    """`value` quoted as SQL writes a string, whatever `standard_conforming_strings` says."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted
